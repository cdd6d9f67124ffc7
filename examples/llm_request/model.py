"""The client of a streaming LLM API, in the widespread form of chat completions as server-sent events."""

import http.client
import json
import urllib.request
from dataclasses import dataclass


class NotStarted(Exception):
    """No answer has begun: nobody got anything."""


class BrokenOff(Exception):
    """The answer has begun and has not come to its end."""


@dataclass
class Piece:
    """A piece of the answer, and the tokens that were used up to its end."""

    text: str
    prompt_tokens: int
    completion_tokens: int


def stream(url, prompt, max_tokens):
    """Asks the model, and yields the pieces of its answer as they come."""
    question = {
        "model": "chat-large",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
        "stream": True,
        # Said with each piece and not only at the end: what broke off in the middle has used tokens, too.
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    headers = {"Content-Type": "application/json"}
    begun = False
    try:
        request = urllib.request.Request(url, json.dumps(question).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            for line in response:
                if not line.startswith(b"data: "):
                    continue
                data = line.removeprefix(b"data: ").strip()
                if data == b"[DONE]" and begun:
                    return
                piece = read(json.loads(data))
                begun = True
                yield piece
        raise EOFError("the stream ended early")
    except (OSError, EOFError, KeyError, ValueError, http.client.HTTPException) as error:
        raise (BrokenOff if begun else NotStarted)(f"{type(error).__name__}: {error}") from error


def read(event):
    usage = event["usage"]
    text = "".join(choice["delta"].get("content") or "" for choice in event["choices"])
    return Piece(text, usage["prompt_tokens"], usage["completion_tokens"])

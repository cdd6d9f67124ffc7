"""A fake of a streaming LLM API: it counts a word as a token, says the same word again and again, and can misbehave.

It writes its address to standard output, and then a line for each question that it was asked.
"""

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model(BaseHTTPRequestHandler):
    options = None

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = " ".join(message["content"] for message in question["messages"])
        print("asked:", prompt, flush=True)
        if self.options.unavailable:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self.answer(prompt, question["max_tokens"])
        except ConnectionError:
            pass  # Who asked has gone.

    def answer(self, prompt, max_tokens):
        for tokens in range(1, min(self.options.tokens, max_tokens) + 1):
            usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": tokens}
            self.say(json.dumps({"choices": [{"index": 0, "delta": {"content": "word "}}], "usage": usage}))
            if tokens == self.options.break_after:
                return
            if tokens == self.options.stall_after:
                time.sleep(3600)
            time.sleep(self.options.pause)
        self.say("[DONE]")

    def say(self, data):
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8089, help="0: any that is free")
    parser.add_argument("--tokens", type=int, default=300, help="length of each answer")
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two tokens")
    parser.add_argument("--break-after", type=int, help="close the connection after so many tokens")
    parser.add_argument("--stall-after", type=int, help="say nothing more after so many tokens")
    parser.add_argument("--unavailable", action="store_true", help="answer 503")
    Model.options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", Model.options.port), Model)
    print(f"http://127.0.0.1:{server.server_port}/v1/chat/completions", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass

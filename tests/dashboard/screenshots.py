#!/usr/bin/env python3
"""Takes the pictures of docs/operating/dashboard.md.

usage: screenshots.py <address of a dashboard with the data of examples/dashboard/demo.sql> <folder for the pictures>

With Debian's packages fonts-inter and pngquant installed they look, and weigh, as the ones that are there.
"""

import base64
import shutil
import subprocess
import sys
from pathlib import Path

from browser import chromium, color_scheme, resize

# Name, address, colours, width and the greatest height.
PICTURES = [
    ("overview", "/account?name=lumen", "light", 1120, 1180),
    ("accounts", "/", "light", 1120, 700),
    ("usage", "/usage?name=lumen", "light", 1120, 900),
    ("history", "/history?name=lumen", "light", 1120, 640),
    ("alerts", "/alerts?name=lumen", "light", 1120, 900),
    ("statement", "/statement?name=lumen&month=2026-03", "light", 1120, 900),
    ("dark", "/account?name=lumen", "dark", 1120, 620),
    ("narrow", "/account?name=lumen", "light", 400, 1100),
]


def main():
    base, folder = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    browser = chromium()
    try:
        for name, address, scheme, width, height in PICTURES:
            color_scheme(browser, scheme)
            resize(browser, width, height)
            browser.get(base + address)
            tall = browser.execute_script("return document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": min(height, tall), "scale": 1}
            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
            file = folder / f"dashboard-{name}.png"
            file.write_bytes(base64.b64decode(shot["data"]))
            if shutil.which("pngquant"):
                subprocess.run(
                    ["pngquant", "--force", "--skip-if-larger", "--strip", "--output", file, "256", file], check=False
                )
            print(f"{file} {file.stat().st_size // 1024} KB")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()

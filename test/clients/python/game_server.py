"""A game server on plain HTTP, with nothing but Python's standard library.

What it does, and prints, is told in ../README.md.
"""

import json
import os
import threading
import time
from http.client import HTTPConnection

PORT = int(os.environ.get("AGONES_SDK_HTTP_PORT", "9358"))
PING_EVERY_SECONDS = 1


class Refused(Exception):
    """The SDK server answered an error."""

    def __init__(self, body):
        super().__init__(body["message"])
        self.code = body["code"]


def call(method, path, message=None):
    """One call, on a connection of its own."""
    connection = HTTPConnection("localhost", PORT, timeout=10)
    try:
        body = None if message is None else json.dumps(message)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise Refused(answer)
        return answer
    finally:
        connection.close()


def watch():
    """The GameServer as it is, and again after each change."""
    connection = HTTPConnection("localhost", PORT)
    connection.request("GET", "/watch/gameserver")
    for line in connection.getresponse():
        yield json.loads(line)["result"]


def connect():
    """The SDK server may start later than the game."""
    for _ in range(100):
        try:
            return call("GET", "/gameserver")["object_meta"]["name"]
        except ConnectionError:
            time.sleep(0.1)
    raise SystemExit("there is no SDK server")


def ping_for_ever():
    while True:
        try:
            call("POST", "/health", {})
        except OSError as error:
            say(f"a ping failed: {error}")
        time.sleep(PING_EVERY_SECONDS)


def refused(what, method, path, message=None):
    """Prints how a call was refused; it is a fault when it was not."""
    try:
        call(method, path, message)
    except Refused as error:
        say(f"refused {what}: {error.code}: {str(error).replace(':', '.').split('.')[0]}")
    else:
        raise SystemExit(f"{what} was not refused")


def play(labels):
    say(f"allocated for mode {labels.get('mode')}")

    rooms = call("PATCH", "/v1beta1/counters/rooms", {"countDiff": "2"})
    say(f"rooms: {rooms['count']} of {rooms['capacity']}")
    refused("rooms", "PATCH", "/v1beta1/counters/rooms", {"countDiff": "50"})
    refused("no such counter", "GET", "/v1beta1/counters/nothing")

    call("POST", "/v1beta1/lists/crew:addValue", {"value": "bob"})
    crew = call("POST", "/v1beta1/lists/crew:removeValue", {"value": "ann"})
    say(f"crew: {', '.join(crew['values'])}")
    refused("crew", "POST", "/v1beta1/lists/crew:addValue", {"value": "bob"})
    refused("capacity of crew", "PATCH", "/v1beta1/lists/crew", {"capacity": "9"})

    refused("players", "GET", "/alpha/player/count")
    refused("label", "PUT", "/metadata/label", {"key": "not a key", "value": "x"})
    call("PUT", "/metadata/annotation", {"key": "note", "value": "any {text} goes"})
    call("PUT", "/metadata/label", {"key": "client", "value": "python"})
    say("set its label")


def say(text):
    print(text, flush=True)


def main():
    say(f"connected to the SDK server of {connect()}")
    threading.Thread(target=ping_for_ever, daemon=True).start()
    changes = watch()
    call("POST", "/ready", {})
    say("asked for Ready")

    last_state, over = None, False
    for game_server in changes:
        state = game_server["status"]["state"]
        labels = game_server["object_meta"]["labels"]
        if state != last_state:
            say(f"watch: {state}")
            last_state = state
            if state == "Allocated":
                play(labels)
            if state == "Shutdown":
                return
        if labels.get("race") == "over" and not over:
            over = True
            call("POST", "/shutdown", {})
            say("asked for Shutdown")
    raise SystemExit("the watch ended before Shutdown")


main()

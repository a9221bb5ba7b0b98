"""Spotify's accounts: tokens.

Purpose: hand out access tokens of apps and of listeners, and know them again.
Never:   ask for real credentials: any pair is right but the secret "wrong".

Access tokens that need not be obtained: "listener-NAME" (a listener's, never
expires), "noscope-NAME" (without any scope), "unregistered-NAME", "expired-ANY".
"""
import base64
import hashlib
import time
import urllib.parse

from http1 import Reply, json_reply
from service import Service

SCOPES = "user-top-read playlist-read-private playlist-modify-private user-library-read"


class Token:
    """What an access token stands for."""
    __slots__ = ("client", "listener", "scopes", "until")

    def __init__(self, client, listener, scopes, until):
        self.client = client
        self.listener = listener        # None = an app's own
        self.scopes = scopes
        self.until = until


def oauth_error(status, error, description):
    return json_reply({"error": error, "error_description": description}, status)


class Accounts(Service):
    name = "accounts"
    prefix = "/spotify-accounts"

    def __init__(self, app):
        super().__init__(app)
        self.reset()

    def reset(self):
        self.tokens = {}
        self.count = 0
        self.rotated = {}           # listener -> refresh token that is valid now

    def routes(self):
        return [("POST", "/api/token", self.token)]

    def limited_reply(self, limit, form, wait, headers):
        return Reply(429, "Too many requests", "text/plain", headers)

    # -----------------------------------------------------------------------
    # Handing out
    # -----------------------------------------------------------------------

    def token(self, request):
        """POST /api/token"""
        if request.fault == "limited":
            return self.limited(request, 3)
        if request.fault == "invalid_grant":
            return oauth_error(400, "invalid_grant", "Refresh token revoked")
        form = {name: values[0] for name, values in urllib.parse.parse_qs(
            request.body.decode("utf-8", "replace")).items()}
        client, secret = self.credentials(request, form)
        if not client:
            return oauth_error(400, "invalid_client", "Invalid client")
        if secret == "wrong":
            return oauth_error(400, "invalid_client", "Invalid client secret")
        grant = form.get("grant_type")
        if grant == "client_credentials":
            if secret is None:
                return oauth_error(400, "invalid_client", "Invalid client")
            return json_reply(self.issue(client, None, ""))
        if grant == "refresh_token":
            return self.refresh(client, form.get("refresh_token", ""))
        if grant == "authorization_code":
            return self.exchange(client, form.get("code", ""))
        return oauth_error(400, "unsupported_grant_type", "grant_type parameter is not supported")

    def credentials(self, request, form):
        """(client_id, client_secret), from the header or else from the form."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(rest, validate=True).decode()
            except ValueError:
                return None, None
            client, colon, secret = pair.partition(":")
            return client, secret if colon else None
        return form.get("client_id"), form.get("client_secret")

    def refresh(self, client, refresh_token):
        """A listener's next access token; the listener is the part before a dot."""
        listener = refresh_token.partition(".")[0]
        if not refresh_token or listener == "invalid":
            return oauth_error(400, "invalid_grant", "Invalid refresh token")
        if listener in ("revoked", "expired"):
            return oauth_error(400, "invalid_grant", f"Refresh token {listener}")
        valid = self.rotated.get(listener)
        if self.settings.revoke_rotated and valid and valid != refresh_token:
            return oauth_error(400, "invalid_grant", "Refresh token revoked")
        answer = self.issue(client, listener, SCOPES)
        if self.settings.rotate:
            refresh_token = self.rotated[listener] = f"{listener}.{self.count}"
        if not self.settings.omit_refresh_token:
            answer["refresh_token"] = refresh_token
        return json_reply(answer)

    def exchange(self, client, code):
        """The first tokens of a listener, whose name is the code."""
        if not code or code == "wrong":
            return oauth_error(400, "invalid_grant", "Invalid authorization code")
        answer = self.issue(client, code, SCOPES)
        answer["refresh_token"] = f"{code}.0"
        return json_reply(answer)

    def issue(self, client, listener, scopes):
        """Makes an access token: the answer about it."""
        self.count += 1
        seed = f"{self.settings.seed}/{client}/{listener}/{self.count}"
        text = "BQ" + base64.urlsafe_b64encode(
            hashlib.sha512(seed.encode()).digest() * 3).decode().rstrip("=")
        seconds = self.settings.token_seconds
        self.tokens[text] = Token(client, listener, scopes, time.monotonic() + seconds)
        answer = {"access_token": text, "token_type": "Bearer", "expires_in": int(seconds)}
        if listener is not None:
            answer["scope"] = scopes
        return answer

    # -----------------------------------------------------------------------
    # Knowing again
    # -----------------------------------------------------------------------

    def find(self, text, now):
        """(token, None), or (None, what is wrong with it)."""
        token = self.tokens.get(text)
        if token is None:
            kind, dash, name = text.partition("-")
            if dash and kind in ("listener", "unregistered"):
                return Token("direct", name if kind == "listener" else text, SCOPES, now + 1), None
            if dash and kind == "noscope":
                return Token("direct", name, "", now + 1), None
            if dash and kind == "expired":
                return None, "The access token expired"
            return None, "Invalid access token"
        if token.until <= now:
            return None, "The access token expired"
        return token, None

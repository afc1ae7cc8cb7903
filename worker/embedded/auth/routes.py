"""All of ``/auth/v1`` as one list of routes."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from worker.embedded.auth.admin import AdminEndpoints
from worker.embedded.auth.errors import AuthError
from worker.embedded.auth.service import AuthService
from worker.embedded.auth.users import UserEndpoints


def routes(service: AuthService) -> list[BaseRoute]:
    """Return the routes, without the prefix ``/auth/v1``."""
    return [
        *UserEndpoints(service).routes(),
        *AdminEndpoints(service).routes(),
        Route("/settings", _settings, methods=["GET"]),
        Route("/.well-known/jwks.json", _public_keys, methods=["GET"]),
        Route("/health", _health, methods=["GET"]),
        Route("/{path:path}", _not_served, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


async def _settings(_request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "external": {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": False,
            "mailer_autoconfirm": True,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
            "passkeys_enabled": False,
        },
    )


async def _public_keys(_request: Request) -> JSONResponse:
    # Tokens are signed with a shared secret, so there is no public key to tell.
    return JSONResponse({"keys": []}, headers={"cache-control": "public, max-age=600"})


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "version": "embedded",
            "name": "GoTrue",
            "description": "The part of Supabase Auth that Assay's embedded Supabase serves",
        },
    )


async def _not_served(request: Request) -> JSONResponse:
    # Starlette's own answer would be no JSON, and a client library could only say that.
    raise AuthError(
        404,
        "not_found",
        f"The embedded sign-in does not serve {request.method} /{request.path_params['path']}: "
        "accounts sign in by e-mail and password, and no mail is sent",
    )

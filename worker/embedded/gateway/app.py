"""The gateway's routes, put together."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount

from worker.embedded.auth import errors
from worker.embedded.auth.errors import AuthError
from worker.embedded.gateway import rest
from worker.embedded.gateway.cors import AnyOrigin
from worker.embedded.gateway.keys import ApiKeys
from worker.embedded.project import Project


def build(
    project: Project,
    proxy: rest.RestProxy,
    auth: Sequence[BaseRoute],
    realtime: Sequence[BaseRoute],
) -> Starlette:
    """Return the ASGI application.

    Args:
        project: gives the valid API keys.
        proxy: PostgREST.
        auth: routes below ``/auth/v1``, without that prefix.
        realtime: routes with their whole path.
    """
    tokens = {
        **project.opaque_keys,
        project.anon_key: project.anon_key,
        project.service_role_key: project.service_role_key,
    }
    return Starlette(
        routes=[
            Mount(rest.PREFIX, app=proxy),
            Mount("/auth/v1", routes=auth),
            *realtime,
        ],
        middleware=[Middleware(AnyOrigin), Middleware(ApiKeys, tokens=tokens)],
        exception_handlers={404: _no_route, AuthError: errors.render},
    )


async def _no_route(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"message": "no Route matched with those values"}, status_code=404)

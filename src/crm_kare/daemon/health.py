"""Health checks, metrics and webhooks over HTTP, on loopback unless the project says otherwise."""

import socket
import threading
from typing import Any, Protocol

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from crm_kare.daemon.service import Service
from crm_kare.daemon.webhooks import Receiver, add_webhooks
from crm_kare.errors import ConfigError


class Answering(Protocol):
    """What answers: a service, or many of them."""

    def health(self) -> dict[str, Any]:
        """What `/healthz` tells; asks no database."""
        ...

    def ready(self) -> bool:
        """Whether the scheduler runs and the state database answers."""
        ...

    def page(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus is answered, and its content type."""
        ...


def create_app(service: Service, receiver: Receiver) -> FastAPI:
    """`/healthz`: alive, with the last and next run of each CRM; asks no database. `/readyz`: 200 while the scheduler runs
    and the state database answers, else 503. `/metrics`: see `Metrics`. `/webhooks/NAME`: see `Receiver`.
    """
    app = answering_app(service)
    add_webhooks(app, receiver, service.metrics.answered)
    return app


def answering_app(answering: Answering) -> FastAPI:
    """An app that tells how it is: all of `create_app` but the webhooks."""
    app = FastAPI(title="crm-kare", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:  # waits for no thread: `/readyz` may hold them all while a database hangs
        return JSONResponse(answering.health())

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        ready = answering.ready()
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        page, content_type = answering.page(request.headers.get("accept", ""))
        return Response(page, headers={"content-type": content_type})

    return app


class HealthServer:
    """Serves an app in a thread of its own; ends with `close`."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        try:
            self._socket = socket.create_server((host, port))
        except OSError as error:
            raise ConfigError(
                f"port {port} on {host} cannot be used: {error.strerror}.",
                where="crm-kare.yaml: serve",
                fix="Set another port.",
            ) from error
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="health", daemon=True
        )

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving, and give back the port."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

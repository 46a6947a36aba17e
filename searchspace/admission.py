"""Whether a Ray cluster can be joined from here: somebody answers at its address, and takes our token.

Ray itself asks again and again for half a minute, one warning each, and then says only that it failed to connect.
"""

import os
import socket

from models.errors import InputError

ANSWER_SECONDS = 10.0


def require_admission(address: str) -> None:
    """Make sure that a Ray cluster answers at the address and takes the token that is here.

    Raises:
        InputError: nobody answers, or the token is missing or wrong; one line that says what to do.
    """
    if not address.rpartition(":")[2].isdigit() or "//" in address:
        raise InputError(f"--address {address}: give <host:port>, as `ray start` printed it, or auto or local")
    refuse_silent(address)
    import grpc
    from ray._private.gcs_utils import create_gcs_channel
    from ray.core.generated import gcs_service_pb2 as messages
    from ray.core.generated import gcs_service_pb2_grpc as services
    from ray.exceptions import AuthenticationError

    request = messages.GetClusterIdRequest()
    try:
        with create_gcs_channel(address) as channel:
            services.NodeInfoGcsServiceStub(channel).GetClusterId(request, timeout=ANSWER_SECONDS)
    except AuthenticationError as error:
        raise InputError(_refused(address)) from error
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise InputError(_refused(address)) from error
        advice = "is that the address that `ray start` printed?"
        raise InputError(f"no Ray cluster answers at {address}: {error.code().name.lower()} ({advice})") from error


def refuse_silent(address: str | None) -> None:
    """Raise if nothing listens at the address: Ray waits minutes for it, an open connection tells in seconds.

    Raises:
        InputError: the connection cannot be opened.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:  # the last two of a port or a name that cannot be one
        reason = getattr(error, "strerror", None) or error
        advice = "is it up? another: --address <host:port>; this machine alone: --address local"
        raise InputError(f"cannot reach a Ray cluster at {address}: {reason} ({advice})") from error


def _refused(address: str) -> str:
    cannot = f"cannot use the Ray cluster at {address}: "
    mode = os.environ.get("RAY_AUTH_MODE", "token")
    if mode != "token":
        return f"{cannot}it asks for a token, and RAY_AUTH_MODE={mode} here; say RAY_AUTH_MODE=token"
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        if name in os.environ:
            return f"{cannot}{name} does not give its token: unset it and copy the cluster's ~/.ray/auth_token here"
    return f"{cannot}the token is missing or wrong: copy the cluster's ~/.ray/auth_token to ~/.ray/auth_token here"

"""Who leads a squad, as his token says."""

from shared.errors import Forbidden
from shared.web.auth import Principal


def squad_led_by(caller: Principal) -> str:
    """His squad. Raises `Forbidden` for everybody else."""
    if not caller.captain or caller.squad is None:
        raise Forbidden("this is for the captain of a squad")
    return caller.squad

"""How any client of ours logs in to Kafka."""

import ssl
from typing import Any

from aiokafka.helpers import create_ssl_context

from shared.settings import KafkaSettings

MECHANISM = "SCRAM-SHA-512"


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """The TLS context for SASL_SSL, None for SASL_PLAINTEXT (loopback only)."""
    if settings.security == "SASL_PLAINTEXT":
        return None
    context: ssl.SSLContext = create_ssl_context(cafile=str(settings.ca) if settings.ca else None)
    return context


def client_options(settings: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Keyword arguments for any aiokafka client."""
    return {
        "bootstrap_servers": settings.bootstrap,
        "client_id": client_id,
        "security_protocol": settings.security,
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": settings.username,
        "sasl_plain_password": settings.password.get_secret_value(),
        "ssl_context": ssl_context(settings),
    }

"""What intake counts beside the plumbing. Names end in their unit; labels are bounded, never ids."""

from prometheus_client import CollectorRegistry, Counter


class AccountMetrics:
    """Logins, sessions and rosters of one api process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.logins = Counter(
            "qianshao_intake_logins_total",
            "Logins by way (invite, issuer) and outcome (opened, or the code of the refusal)",
            ("way", "outcome"),
            registry=registry,
        )
        self.refreshes = Counter(
            "qianshao_intake_session_refreshes_total",
            "Refresh tokens that came in, by what became of them; reused means that a copy is in other hands",
            ("outcome",),
            registry=registry,
        )
        self.roster_rows = Counter(
            "qianshao_intake_roster_rows_total",
            "Rows of rosters taken over, by what they made of the account",
            ("what",),
            registry=registry,
        )

"""What intake counts beside the plumbing. Names end in their unit; labels are bounded, never ids."""

from prometheus_client import CollectorRegistry, Counter


class ReviewMetrics:
    """What was noticed, decided and sent back by one api process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.flags = Counter(
            "qianshao_intake_report_flags_total",
            "Flags that new reports were given for people to look at",
            ("flag",),
            registry=registry,
        )
        self.unexamined = Counter(
            "qianshao_intake_reports_unexamined_total",
            "Reports that were taken without being compared with earlier ones, because that failed or was slow",
            registry=registry,
        )
        self.verdicts = Counter(
            "qianshao_intake_review_verdicts_total",
            "Verdicts on flagged reports",
            ("verdict",),
            registry=registry,
        )
        self.refused = Counter(
            "qianshao_intake_limit_refusals_total",
            "Requests sent back because their account had sent too many",
            ("what",),
            registry=registry,
        )
        self.uncounted = Counter(
            "qianshao_intake_limit_uncounted_total",
            "Requests let through because the counters did not answer",
            ("what",),
            registry=registry,
        )


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

"""Natural keys: under which name a line stands in the ledger, for ever. What has its key is never written again."""

from services.points.domain.entry import REDEMPTION, Grounds, Kind, Step


def award_key(incident: str, rule: str, rider: str, kind: Kind) -> str:
    """One award per incident, rule and rider, in at most one pending, one post and one void."""
    return f"award:{incident}:{rule}:{rider}:{kind}"


def activity_key(activity: str, rider: str, kind: Kind = Kind.POST) -> str:
    """One award per recorded activity and rider; `activity` is its id."""
    return f"activity:{activity}:{rider}:{kind}"


def redemption_key(redemption: str, kind: Kind) -> str:
    """Each step of a redemption once."""
    return f"redemption:{redemption}:{kind}"


def reversal_key(entry: str) -> str:
    """An entry is reversed once; `entry` is its id."""
    return f"reversal:{entry}"


def expiry_key(period: str, rider: str) -> str:
    """What a rider had from one period (such as `2026`) expires once."""
    return f"expiry:{period}:{rider}"


def key_of(step: Step, grounds: Grounds) -> str:
    """The key of what is to be written."""
    if step.kind is Kind.REVERSAL:
        return reversal_key(step.of_entry)
    if step.kind is Kind.EXPIRY:
        return expiry_key(grounds.about, step.rider)
    if step.kind in REDEMPTION:
        return redemption_key(grounds.about, step.kind)
    if grounds.incident:
        return award_key(grounds.incident, step.rule, step.rider, step.kind)
    return activity_key(grounds.about, step.rider, step.kind)

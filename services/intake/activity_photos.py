"""Following activities with photos, so that these are kept and shown to the desk that decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.intake.domain.activity_photos import ActivityPhotos
from services.intake.ports import Kept
from shared.contracts.activity_recorded import ActivityRecorded
from shared.contracts.envelope import Message
from shared.contracts.topics import ACTIVITY_RECORDED
from shared.mongo.inbox import Handle
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class KeepPhotos:
    """Store once what points says; the same again changes nothing, and without photos there is nothing to keep."""

    kept: Kept[ActivityPhotos]
    told: ActivityPhotos

    def reads(self) -> Iterable[Ref]:
        return [self.kept.ref(self.told.id)]

    def decide(self, work: Work) -> None:
        if self.told.photo_ids and self.kept.get(work, self.told.id) is None:
            self.kept.put(work, self.told)


def handlers(kept: Kept[ActivityPhotos]) -> Mapping[str, Handle]:
    """One entry, beside what `agents` does."""

    def activity_recorded(message: Message) -> KeepPhotos:
        data = message.data
        assert isinstance(data, ActivityRecorded)  # the only type on this topic
        told = ActivityPhotos(
            data.recorded_activity, data.subdistrict, data.rider, data.community, data.photo_ids, data.recorded_at
        )
        return KeepPhotos(kept, told)

    return {ACTIVITY_RECORDED.name: activity_recorded}

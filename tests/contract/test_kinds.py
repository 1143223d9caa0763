"""Each kind has the fields it needs: model and published schema say the same."""

import pytest
from pydantic import ValidationError

from shared.contracts.golden import Sample
from tests.contract.published import faults
from tests.contract.test_golden import BY_NAME, EVENT_SAMPLES, data_of

NEEDED = [
    pytest.param(sample, name, id=f"{sample.event}/{sample.name}/{name}")
    for sample in EVENT_SAMPLES
    for name in BY_NAME[sample.event].NEEDS.get(data_of(sample).get(BY_NAME[sample.event].KIND, ""), ())
]


@pytest.mark.parametrize(("sample", "name"), NEEDED)
@pytest.mark.parametrize("how", ["absent", "null or empty"])
def test_without_what_it_needs_it_is_refused_by_name(sample: Sample, name: str, how: str) -> None:
    event = BY_NAME[sample.event]
    data = dict(data_of(sample))
    before = data.pop(name)
    if how != "absent":
        data[name] = [] if isinstance(before, list) else None
    with pytest.raises(ValidationError, match=f"{name}: is needed for"):
        event.model_validate(data)
    assert faults(event, data)


def test_a_missing_reason_of_a_department_is_answered_by_dispatch() -> None:
    sample = next(
        sample for sample in EVENT_SAMPLES if sample.event == "order.updated.v1" and sample.name == "returned"
    )
    data = {name: value for name, value in data_of(sample).items() if name != "reason"}
    BY_NAME[sample.event].model_validate(data)

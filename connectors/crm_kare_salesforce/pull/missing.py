"""Why a query named a field that is not there."""

from crm_kare.errors import ConfigError
from crm_kare.ports import StreamSpec
from crm_kare_salesforce.fields import FLS_HINT, Objects


def refuse_missing(objects: Objects, spec: StreamSpec) -> None:
    """Say which mapped fields this user cannot read.

    Raises:
        ConfigError: naming all of them; or that the object does not tell what changed in it.
    """
    missing = objects.missing(spec.source, (one.source for one in spec.fields))
    if missing:
        raise ConfigError(
            f"{spec.source} has no field {', '.join(missing)} that this user can read.",
            where=f"stream {spec.stream}",
            fix=FLS_HINT,
            code="field-missing",
        )
    if not objects.has(spec.source, "SystemModstamp"):
        raise ConfigError(
            f"{spec.source} has no SystemModstamp, so what changed in it cannot be asked for.",
            where=f"stream {spec.stream}",
            fix="Map another object.",
        )

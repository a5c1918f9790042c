"""What all models of our files have in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen, and every key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

"""What an app subscribes to, and where its events go."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Subscription:
    """One subscription.

    Attributes:
        type: `company.propertyChange`, or in the general form `object.propertyChange`, whose events name the object type by
            id. Kinds: creation, propertyChange, deletion, merge, restore, associationChange.
        name: which property, of a propertyChange.
        kind: which object (`company`), in the general form.
    """

    type: str
    name: str = ""
    kind: str = ""

    @property
    def general(self) -> bool:
        """Whether it is in the general form."""
        return self.type.startswith("object.")


@dataclass(frozen=True)
class Webhooks:
    """The app's webhooks.

    Attributes:
        target: where events are posted.
        subscriptions: which ones.
        attempts: in all, where the target does not take them.
        pause: seconds between two attempts; HubSpot spreads them over a day.
        by_itself: a thread posts; else they wait for `Sender.deliver`.
    """

    target: str
    subscriptions: tuple[Subscription, ...] = field(default=())
    attempts: int = 11
    pause: float = 0.2
    by_itself: bool = True

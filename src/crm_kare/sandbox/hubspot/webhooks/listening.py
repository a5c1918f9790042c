"""Has a portal's happenings written down as events, while its app has webhooks."""

from crm_kare.sandbox.hubspot.portal import APP_ID, Portal
from crm_kare.sandbox.hubspot.watching import Happening
from crm_kare.sandbox.hubspot.webhooks.events import events_of


def listen(portal: Portal) -> None:
    """From now on the app's subscriptions are served, whenever there are any."""

    def heard(happening: Happening) -> None:
        webhooks = portal.settings.webhooks
        common = {"portalId": portal.settings.portal_id, "appId": APP_ID}
        for event in events_of(happening, webhooks.subscriptions if webhooks else (), common):
            portal.webhooks.put(event)

    portal.org.heard = heard
    portal.org.listening = lambda: portal.settings.webhooks is not None

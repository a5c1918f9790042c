"""Webhooks: what happens in the portal, posted to the address that an app subscribed with.

Source: HubSpot's webhooks guide (batches of up to 100 events, ten more attempts, v3 signature) and events that apps logged. Off
until `Settings.webhooks` is set. Each event is written down in the transaction of the change, and leaves afterwards. Events of a
batch come newest first, for HubSpot promises no order: `occurredAt` tells it.

Fault to order inside: `repeat_webhook` (the next batch is posted twice, as HubSpot may).
"""

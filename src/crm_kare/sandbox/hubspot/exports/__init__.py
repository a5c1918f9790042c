"""The exports API: whole views as files, made one at a time, thirty a day, behind addresses that soon run out.

Source: HubSpot's guide to the exports API and its announcement of partitioned files. How ids of associated records stand in
the file, and that times are cut to minutes in the portal's time zone, is what files exported from portals look like.

Faults to order inside: `cancel_export` (the next task that would be done ends CANCELED), `expire_export` (the next address that
is given out has run out already), `hold_export` (a look at a task does not move it on), `fail_export` (the next task that is
done has errors and no file).
"""

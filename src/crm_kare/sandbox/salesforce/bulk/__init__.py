"""Bulk API 2.0: query jobs and ingest jobs.

A job advances when somebody looks at it (a GET of the job), never with time: it is complete at the look that
`BulkSettings.looks` says. `work.run_out` stands for the time that passes where nobody looks.

Faults to order with `Faults.order_inside`, each also with an object's name behind it (`fail_ingest_job:Account`):

- `fail_query_job`: the job ends Failed.
- `fail_ingest_job`: the job ends Failed with the first half applied and the rest unprocessed.
- `hold_job`: a look finds the job as it was; order it as many times as there shall be such looks.
- `expire_locator`: a page of results that is asked for by its locator is refused.
- `lock_row:<id>`: as in every other write, that record is locked.
"""

"""Ways to reach people. A channel sends one message and says what became of it; it knows no database.

Every channel's `send` returns a receipt, or raises:

- `Retryable`: it may go through later; `retry_after_s` in `params` when the other side asked for a pause;
- `Permanent`: it cannot go through until somebody changes a setting (credentials, a refused address);
- `Rejected`: the other side will never take this message or this recipient.

A time-out after the other side may have accepted is `Retryable`: a person is told twice rather than never.
The message's `key` travels along, so that a receiver can recognise the second one.
"""

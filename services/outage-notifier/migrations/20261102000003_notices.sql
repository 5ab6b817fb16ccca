-- migrate:up
-- The ledger of what is said to whom. ledger/core/delivery.py gives the meaning of each state.

CREATE TABLE notice (
    notice_id uuid PRIMARY KEY,
    outage_id uuid REFERENCES outage (outage_id),
    revision int,
    kind text NOT NULL,
    template text NOT NULL,
    template_version int NOT NULL,
    slots jsonb NOT NULL,
    tag text NOT NULL,
    lane text NOT NULL CHECK (lane IN ('urgent', 'transactional', 'bulk')),
    audience_rule text NOT NULL CHECK (audience_rule IN ('scope', 'scope_untold', 'told', 'told_in_scope', 'told_outside_scope', 'one')),
    recipient_id text COLLATE "C",
    cause_event_id uuid,
    due_at timestamptz NOT NULL,
    useful_until timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('scheduled', 'planned', 'completed', 'superseded')),
    superseded_at timestamptz,
    plan_attempt int NOT NULL DEFAULT 0,
    plan_lease_until timestamptz,
    plan_cursor text COLLATE "C" NOT NULL DEFAULT '',
    audience int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    planned_at timestamptz,
    completed_at timestamptz,
    UNIQUE (cause_event_id, kind),
    CHECK ((audience_rule = 'one') = (recipient_id IS NOT NULL))
);
COMMENT ON COLUMN notice.tag IS 'replaces on a screen what was shown with the same tag: the outage''s for all its notices';
COMMENT ON COLUMN notice.cause_event_id IS 'the event that a one-recipient notice answers: it is told once';
COMMENT ON COLUMN notice.superseded_at IS 'a newer revision was published: nothing of this one is sent from now on';
COMMENT ON COLUMN notice.plan_attempt IS 'fences planners: a page is written only under the newest claim';
COMMENT ON COLUMN notice.plan_cursor IS 'the last recipient of the last page that was planned';
CREATE INDEX notice_due ON notice (due_at) WHERE state = 'scheduled';
CREATE INDEX notice_open ON notice (notice_id) WHERE state = 'planned';
CREATE INDEX notice_by_outage ON notice (outage_id, notice_id);
CREATE INDEX notice_by_recipient ON notice (recipient_id, notice_id) WHERE recipient_id IS NOT NULL;

CREATE TABLE batch (
    batch_id uuid PRIMARY KEY,
    notice_id uuid REFERENCES notice (notice_id),
    home boolean NOT NULL,
    channel text NOT NULL CHECK (channel IN ('push', 'sms', 'none')),
    lane text NOT NULL CHECK (lane IN ('urgent', 'transactional', 'bulk')),
    members jsonb NOT NULL,
    size int NOT NULL CHECK (size BETWEEN 1 AND 5000),
    state text NOT NULL CHECK (state IN ('ready', 'settled')),
    attempt int NOT NULL DEFAULT 0,
    lease_until timestamptz,
    hints int NOT NULL DEFAULT 1,
    hinted_at timestamptz NOT NULL DEFAULT now(),
    held int NOT NULL DEFAULT 0,
    retrying int NOT NULL DEFAULT 0,
    unknown int NOT NULL DEFAULT 0,
    awaiting int NOT NULL DEFAULT 0,
    accepted int NOT NULL DEFAULT 0,
    delivered int NOT NULL DEFAULT 0,
    failed int NOT NULL DEFAULT 0,
    unreachable int NOT NULL DEFAULT 0,
    opted_out int NOT NULL DEFAULT 0,
    superseded int NOT NULL DEFAULT 0,
    expired int NOT NULL DEFAULT 0,
    covered int NOT NULL DEFAULT 0,
    unresolved int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    CHECK (least(held, retrying, unknown, awaiting, accepted, delivered, failed, unreachable, opted_out, superseded,
        expired, covered, unresolved) >= 0),
    CHECK (held + retrying + unknown + awaiting + accepted + delivered + failed + unreachable + opted_out
        + superseded + expired + covered + unresolved <= size)
);
COMMENT ON TABLE batch IS 'At most 500 deliveries of one channel and lane, handled together; members are stored and never queried again.';
COMMENT ON COLUMN batch.notice_id IS 'NULL: one-recipient notices packed together';
COMMENT ON COLUMN batch.home IS 'its members are counted here for ever; a follow-up batch moves counts of its members'' home batches';
COMMENT ON COLUMN batch.channel IS 'none: recipients who were settled when they were planned (unreachable, covered, opted out)';
COMMENT ON COLUMN batch.members IS 'ledger/core/member.py, as arrays';
COMMENT ON COLUMN batch.attempt IS 'fences senders: outcomes are recorded only under the newest claim';
COMMENT ON COLUMN batch.lease_until IS 'on the database''s clock';
COMMENT ON COLUMN batch.held IS 'this and the following: how many members are in each state; the rest is planned';
CREATE INDEX batch_ready ON batch (hinted_at) WHERE state = 'ready';
CREATE INDEX batch_by_notice ON batch (notice_id) WHERE notice_id IS NOT NULL;

CREATE TABLE delivery (
    notice_id uuid NOT NULL,
    recipient_id text COLLATE "C" NOT NULL,
    number int NOT NULL,
    home_batch_id uuid NOT NULL,
    language text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'retrying', 'unknown', 'awaiting', 'accepted', 'delivered', 'failed',
        'unreachable', 'opted_out', 'superseded', 'expired', 'covered', 'unresolved')),
    reason text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('push', 'sms', 'none')),
    contact text NOT NULL,
    covered_by text,
    tries smallint NOT NULL,
    looks smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    next_channel text CHECK (next_channel IN ('push', 'sms')),
    follow_up_batch_id uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (notice_id, recipient_id),
    CHECK (next_attempt_at IS NULL OR state IN ('held', 'retrying', 'unknown', 'awaiting'))
) WITH (fillfactor = 85);
COMMENT ON TABLE delivery IS 'One notice to one recipient, once something is known of it; before that it is a planned member of its home batch.';
COMMENT ON COLUMN delivery.number IS 'its number in the notice''s audience: notice and number are the delivery id that a device sees';
COMMENT ON COLUMN delivery.contact IS 'masked phone, or how many devices';
COMMENT ON COLUMN delivery.looks IS 'successful look-ups with the provider that did not find an unknown message';
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX delivery_by_recipient ON delivery (recipient_id, notice_id);

CREATE TABLE attempt (
    batch_id uuid NOT NULL,
    place int NOT NULL,
    try int NOT NULL,
    notice_id uuid NOT NULL,
    recipient_id text COLLATE "C" NOT NULL,
    channel text NOT NULL CHECK (channel IN ('push', 'sms')),
    contact_id text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('accepted', 'refused', 'retry', 'unknown', 'misconfigured')),
    error_code text,
    provider_message_id text,
    body_hash bytea,
    PRIMARY KEY (batch_id, place, try),
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE attempt IS 'One provider call to one contact. A row is completed once and otherwise never changed; an SMS is written before its call.';
COMMENT ON COLUMN attempt.place IS 'the number of the contact among all contacts of the batch''s members';
COMMENT ON COLUMN attempt.provider_message_id IS 'for a call whose end was not known it is found later, by a callback or a look-up';
COMMENT ON COLUMN attempt.body_hash IS 'SHA-256 of an SMS''s body: a look-up recognises it, even if the templates have changed since';
COMMENT ON COLUMN attempt.try IS 'the batch''s claim number under which the call was made';
CREATE UNIQUE INDEX attempt_by_message ON attempt (provider_message_id)
WHERE channel = 'sms' AND provider_message_id IS NOT NULL;
CREATE INDEX attempt_by_delivery ON attempt (notice_id, recipient_id) WHERE channel = 'sms';

CREATE TABLE notice_contact (
    notice_id uuid NOT NULL,
    contact_key bytea NOT NULL,
    recipient_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (notice_id, contact_key)
);
COMMENT ON TABLE notice_contact IS 'Contacts that several customers share, noted by the first recipient who is told on them: the others are covered.';

CREATE TABLE receipt (
    receipt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('twilio', 'app')),
    dedup_key text COLLATE "C" NOT NULL,
    attempt_name text,
    notice_id uuid,
    recipient_id text COLLATE "C",
    body_sealed bytea,
    received_at timestamptz NOT NULL,
    apply_at timestamptz NOT NULL DEFAULT '-infinity',
    applied_at timestamptz,
    result text,
    UNIQUE (source, dedup_key)
);
COMMENT ON TABLE receipt IS 'What a provider or the app told us, as it came, before anything is done with it; append only but for applied_at.';
COMMENT ON COLUMN receipt.dedup_key IS 'message and status: its beginning finds all receipts of a message';
COMMENT ON COLUMN receipt.attempt_name IS 'batch, contact number and try, as the callback''s address carried them';
COMMENT ON COLUMN receipt.apply_at IS 'later than received_at where there was nothing to apply it to yet';
CREATE INDEX receipt_to_apply ON receipt (apply_at, receipt_id) WHERE applied_at IS NULL;

CREATE TABLE rate_grant (
    account text PRIMARY KEY,
    second bigint NOT NULL,
    urgent int NOT NULL,
    transactional int NOT NULL,
    bulk int NOT NULL
);
COMMENT ON TABLE rate_grant IS 'How much of a provider account''s rate each lane took in the running second; senders lease from it.';

-- migrate:down
DROP TABLE rate_grant;
DROP TABLE receipt;
DROP TABLE notice_contact;
DROP TABLE attempt;
DROP TABLE delivery;
DROP TABLE batch;
DROP TABLE notice;

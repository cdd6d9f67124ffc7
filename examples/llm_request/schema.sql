-- What the example needs in the database: a price for the model, and the application's own table of requests.
-- It can be run again.

-- 2 credits for 1,000 units. A unit is one output token; an input token counts as a quarter of one.
SELECT FROM credits_define_rate('chat-large', 2, per_units => 1000);

CREATE TABLE IF NOT EXISTS requests (
    request        text PRIMARY KEY,              -- also the key of its hold
    account        text NOT NULL,                 -- who pays
    person         text NOT NULL,                 -- who asks
    prompt         text NOT NULL,
    prompt_tokens  integer NOT NULL,              -- at most
    max_tokens     integer NOT NULL,              -- of the answer
    state          text NOT NULL DEFAULT 'new'
                   CHECK (state IN ('new', 'streaming', 'answered', 'paid', 'refused', 'failing', 'failed')),
    attempt        integer NOT NULL DEFAULT 0,    -- how many processes have taken it over
    most           numeric,                       -- credits that it may cost; set before they are held
    units          numeric,                       -- used so far; once it is answered, in all
    answer         text NOT NULL DEFAULT '',      -- as far as it has come
    charged        numeric,                       -- credits that it did cost
    reason         text                           -- why it was refused, has failed or broke off
);

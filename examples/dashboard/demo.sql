-- Made-up data to look at: a few months of "lumen", and some thirty other accounts. For a database of its own, as a
-- superuser: it installs the extension and stops the ledger's clock at 2 April 2026, 14:25 in Berlin.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS credits_ledger;

-- What can be bought and used.
SET credits_ledger.now = '2025-12-01 00:00+00';
SELECT FROM credits_define_plan('team', 500, per_seat => true, seat_cap => 20, rank => 2, rollover_percent => 20);
SELECT FROM credits_define_plan('archive', 250, rank => 1);
SELECT FROM credits_include('team', 'chat', 100000);
SELECT FROM credits_define_rate('chat', 2, per_units => 1000);
SELECT FROM credits_define_rate('image', 4);
SELECT FROM credits_define_rate('transcribe', 1.25);
SELECT FROM credits_define_rate('translate', 3, per_units => 1000);
SELECT FROM credits_define_pack('top-up', 1000, 49, 'EUR');

-- lumen: a team with a gift, packs, and a card that is saved.
SET credits_ledger.now = '2026-01-12 08:00+00';
SELECT FROM credits_open_account('lumen', time_zone => 'Europe/Berlin', overdraft_limit => 100);
SELECT FROM credits_subscribe('lumen', 'team', 'checkout-1', seats => 4);
SELECT FROM credits_subscribe('lumen', 'archive', 'checkout-2');
SELECT FROM credits_grant('lumen', 150, 'welcome', kind => 'welcome', expires_in => '30 days');
SELECT FROM credits_set_alert('lumen', 'half', used_percent => 50);
SELECT FROM credits_set_alert('lumen', 'few', below => 400);
SELECT FROM credits_set_alert('lumen', 'nearly nothing', below => 25, enabled => false);

-- Work, day by day, as a formula has it: the same in every run.
CREATE FUNCTION pg_temp.work(account text, from_day date, to_day date, per_day int, size numeric) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    features CONSTANT text[] := '{chat,chat,image,translate,chat,transcribe,chat,image}';
    units CONSTANT numeric[] := '{18250,9400,6,7300,31000,14,12800,9}';
    actors CONSTANT text[] := '{ada,grace,linus,ada,margaret,grace,ada}';
    day date;
    n int;
    i bigint;
BEGIN
    FOR day IN SELECT generate_series(from_day, to_day, '1 day') LOOP
        FOR n IN 1 .. CASE WHEN extract(isodow FROM day) > 5 THEN greatest(per_day / 4, 1) ELSE per_day END LOOP
            i := (day - '2026-01-01'::date) * 31 + n * 17;
            PERFORM set_config('credits_ledger.now', (day + time '07:10' + n * interval '47 minutes')::text || '+00', false);
            PERFORM credits_charge(account, features[1 + i * 5 % 8], round(units[1 + i * 5 % 8] * size * (60 + i * 37 % 90) / 100),
                                   format('%s-%s-%s', account, day, n), actor => actors[1 + i * 11 % 7],
                                   resource => format('project-%s', 1 + i % 4), on_insufficient => 'allow');
        END LOOP;
    END LOOP;
END
$$;

SELECT FROM pg_temp.work('lumen', '2026-01-13', '2026-02-09', 3, 1);
SET credits_ledger.now = '2026-02-10 10:30+00';
SELECT FROM credits_purchase('lumen', 'top-up', 'pi_3OxA41', 'order-1001');
SELECT FROM credits_grant('lumen', 300, 'spring', kind => 'promo', expires_at => '2026-04-30 22:00+00',
                          features => ARRAY['image', 'transcribe'], priority => 40);
SELECT FROM pg_temp.work('lumen', '2026-02-11', '2026-03-11', 4, 1);
SET credits_ledger.now = '2026-03-12 09:15+00';
SELECT FROM credits_set_seats('lumen', 'team', 5, 'seats-5');
SELECT FROM credits_set_seats('lumen', 'team', 4, 'seats-4');
SELECT FROM pg_temp.work('lumen', '2026-03-13', '2026-03-19', 6, 1.1);
SET credits_ledger.now = '2026-03-20 13:40+00';
SELECT FROM credits_purchase('lumen', 'top-up', 'pi_3PbC77', 'order-1002');
SELECT FROM credits_grant('lumen', 75.5, 'sorry', kind => 'bonus', expires_in => '60 days');
SELECT FROM credits_grant('lumen', 500, 'spring-2', kind => 'promo', effective_at => '2026-04-15 00:00+00',
                          expires_in => '30 days');
SELECT FROM pg_temp.work('lumen', '2026-03-21', '2026-03-31', 7, 1.5);
SELECT FROM pg_temp.work('lumen', '2026-04-01', '2026-04-01', 6, 1.2);

-- A refund, holds that are open, and a card that is declined twice.
SET credits_ledger.now = '2026-04-01 15:00+00';
SELECT FROM credits_set_budget('lumen', 250, period => 'day', actor => '*');
SELECT FROM credits_debit('lumen', 87.25, 'batch-7', feature => 'translate', actor => 'grace', resource => 'project-2');
SELECT FROM credits_refund('lumen', 'batch-7', 'batch-7 failed', reason => 'the batch failed half-way', amount => 40);
SELECT FROM credits_set_auto_recharge('lumen', 1200, 'top-up', max_packs => 2, monthly_limit => 200,
                                      payment_method => 'cus_Lumen/pm_card_4341');
SELECT FROM credits_claim_recharges();
SELECT FROM credits_fail_recharge('lumen', 1, 1, 'card_declined', 'Your card has insufficient funds.');
SET credits_ledger.now = '2026-04-01 16:00+00';
SELECT FROM credits_claim_recharges();
SELECT FROM credits_fail_recharge('lumen', 1, 2, 'card_declined', 'Your card has insufficient funds.');
SET credits_ledger.now = '2026-04-02 12:02+00';
SELECT FROM credits_hold('lumen', 30, 'video-551', feature => 'transcribe', actor => 'linus', resource => 'project-3',
                         expires_in => '2 hours');
SELECT FROM credits_hold('lumen', 12.5, 'chat-9081', feature => 'chat', actor => 'ada', resource => 'project-1',
                         expires_in => '45 minutes');
SELECT FROM credits_hold('lumen', 8, 'chat-9082', feature => 'chat', actor => 'grace');
SELECT FROM credits_charge('lumen', 'chat', 9100, 'lumen-today-1', actor => 'margaret', resource => 'project-2');

-- The others: all sizes, some in trouble.
DO $$
DECLARE
    names CONSTANT text[] := '{aether,alder,basalt,birch,brook,cedar,cobalt,comet,delta,dune,ember,fjord,garnet,harbor,
        heron,indigo,juniper,kestrel,larch,marble,nimbus,onyx,opal,pine,quartz,raven,saffron,tundra,umbra,willow,zephyr}';
    zones CONSTANT text[] := '{Europe/Berlin,America/New_York,Asia/Tokyo,UTC}';
    i int;
    d int;
    account text;
    allowance numeric;
BEGIN
    FOR i IN 1 .. array_length(names, 1) LOOP
        account := names[i];
        allowance := (ARRAY[250, 1000, 2500, 10000])[1 + i * 7 % 4];
        PERFORM set_config('credits_ledger.now', format('2026-03-%s 09:00+00', lpad((2 + i * 5 % 19)::text, 2, '0')), false);
        PERFORM credits_open_account(account, allowance => allowance, time_zone => zones[1 + i % 4]);
        IF i % 3 = 0 THEN
            PERFORM credits_grant(account, allowance / 4, 'order-1', price => allowance / 100, currency => 'EUR');
        END IF;
        FOR d IN 1 .. 4 LOOP
            PERFORM set_config('credits_ledger.now', format('2026-03-%s 1%s:00+00', 23 + d * 2 - i % 2, d), false);
            PERFORM credits_debit(account, round(allowance * (5 + i * 13 % 24) / 100, 2), format('job-%s', d),
                                  feature => (ARRAY['chat', 'image'])[1 + d % 2], on_insufficient => 'partial');
        END LOOP;
    END LOOP;
END
$$;
SET credits_ledger.now = '2026-04-01 09:00+00';
SELECT FROM credits_debit('ember', 10000, 'job-9', on_insufficient => 'partial');
SELECT FROM credits_freeze_account('garnet', 'card disputed');
SELECT FROM credits_close_account('larch', 'left us');

-- From here on it is the afternoon of 2 April, for whoever connects to this database.
ALTER DATABASE :"DBNAME" SET credits_ledger.now = '2026-04-02 12:25+00';

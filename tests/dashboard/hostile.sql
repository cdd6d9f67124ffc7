-- Accounts that nobody would want: names that would like to be markup, addresses, templates or SQL; amounts as large
-- and as small as they get; every kind of lot; states that no well-behaved customer has.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET credits_ledger.now = '2026-03-25 10:00+00';

CREATE TEMP TABLE hostile (name text);
INSERT INTO hostile VALUES
    ('<script>alert(1)</script>'), ('"><img src=x onerror=alert(2)>'), ('''; DROP TABLE accounts; --'),
    ('a/b/../c%2Fd?e=f&g#h+i'), ('%00%3Cb%3E'), ('{{ 7 * 7 }}{% raw %}'), ('javascript:alert(3)'), (' spaces at both ends '),
    ('🦊 fox 👩‍👩‍👧'), ('حساب العميل ١'), (E'left \u202Eright'), ('&lt;b&gt;&amp;'), ('</title><svg onload=alert(4)>'),
    (repeat('wide-', 51)), (repeat('W', 255));

-- Whatever can have a name has this one, too.
SELECT FROM credits_define_pack('</td><script>alert(5)</script>', 10, 1, 'EUR');
SELECT FROM credits_define_plan('<plan onmouseover=alert(6)>', 40);
SELECT FROM credits_include('<plan onmouseover=alert(6)>', '<b>', 5);
SELECT FROM hostile, credits_open_account(name, allowance => 100, time_zone => 'Asia/Kathmandu');
SELECT FROM hostile, credits_subscribe(name, '<plan onmouseover=alert(6)>', name);
SELECT FROM hostile, credits_grant(name, 50, 'k ' || left(name, 200), kind => 'promo', features => ARRAY[name, '<i>']);
SELECT FROM hostile, credits_debit(name, 12.5, 'd ' || left(name, 200), feature => name, actor => name, resource => name);
SELECT FROM hostile, credits_debit(name, 0.000001, 'unnamed');
SELECT FROM hostile, credits_hold(name, 3, 'h ' || left(name, 200), feature => name, actor => name, resource => name,
                                  expires_in => '20 days');
SELECT FROM hostile, credits_refund(name, 'd ' || left(name, 200), 'r', amount => 2, reason => '<reason>' || name);
SELECT FROM hostile, credits_set_alert(name, name, below => 90);
SELECT FROM hostile, credits_set_auto_recharge(name, 1000, '</td><script>alert(5)</script>',
                                               payment_method => '<img src=x onerror=alert(7)>');
SELECT FROM credits_claim_recharges(100);
SELECT FROM hostile, credits_fail_recharge(name, 1, 1, '<code>' || left(name, 40), '<b>' || name, suspend => true);

-- As large and as exact as it gets, in debt.
SELECT FROM credits_open_account('huge', overdraft_limit => 99999999999999);
SELECT FROM credits_grant('huge', 99999999999998.999999, 'much', price => 99999999999999.999999, currency => 'XXX');
SELECT FROM credits_debit('huge', 99999999999999, 'all', on_insufficient => 'allow');
SELECT FROM credits_grant('vast', 99999999999999.999999, 'more', kind => 'bonus');
SELECT FROM credits_debit('vast', 12345678901234.567891, 'some', feature => 'x');

-- Lots of every kind. The newest has to be burned before older ones.
SET credits_ledger.now = '2026-02-01 09:00+00';
SELECT FROM credits_open_account('lots', allowance => 100, rollover_percent => 50);
SELECT FROM credits_grant('lots', 11, 'never', kind => 'purchase', price => 5, currency => 'EUR');
SELECT FROM credits_grant('lots', 12, 'late', kind => 'purchase', expires_at => '2027-02-01');
SELECT FROM credits_grant('lots', 13, 'soon', kind => 'purchase', expires_at => '2026-05-01');
SELECT FROM credits_grant('lots', 14, 'first', kind => 'bonus', priority => 7);
SELECT FROM credits_grant('lots', 15, 'only', kind => 'bonus', priority => 7, features => ARRAY['image']);
SELECT FROM credits_grant('lots', 16, 'by cycle', kind => 'promo', expires_after_cycles => 4);
SELECT FROM credits_grant('lots', 17, 'gone', kind => 'welcome', expires_in => '3 days');
SELECT FROM credits_grant('lots', 18, 'to come', kind => 'promo', effective_at => '2026-06-01', priority => 1);
SELECT FROM credits_grant('lots', 19, 'wrong', kind => 'promo');
SELECT FROM credits_void_grant('lots', 'wrong', 'wrong: void');
SELECT FROM credits_debit('lots', 30, 'some');

-- Cycles that are closed by hand, and no usage; a cycle that ended without anybody noticing; frozen and closed.
SELECT FROM credits_open_account('by hand', allowance => 10, cycle_length => '0');
SELECT FROM credits_grant('by hand', 3, 'never', kind => 'promo');
SELECT FROM credits_grant('by hand', 4, 'dated', kind => 'promo', expires_at => '2026-09-01');
SELECT FROM credits_grant('by hand', 5, 'gift', kind => 'promo', expires_after_cycles => 1);
SELECT FROM credits_open_account('by hand, used', allowance => 10, cycle_length => '0');
SELECT FROM credits_debit('by hand, used', 4, 'x');
SELECT FROM credits_open_account('idle', allowance => 80, rollover_percent => 25);
SELECT FROM credits_debit('idle', 8, 'x');
SELECT FROM credits_open_account('fast', allowance => 5, cycle_length => '90 minutes');
SELECT FROM credits_open_account('ended', allowance => 5);
SELECT FROM credits_close_account('ended', '<closed>');

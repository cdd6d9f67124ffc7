// Credits from Node with pg.
//
//     node credits.js [URL]     without a URL: PGHOST, PGUSER, PGDATABASE …

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const url = process.argv[2];
const pool = new pg.Pool(url ? { connectionString: url } : {});
// A connection that breaks rejects the query that runs on it, and is an event besides. Without a listener that event
// would end the process: of connections in use, and of those that lie in the pool.
pool.on('connect', (client) => client.on('error', () => {}));
pool.on('error', () => {});

const ATTEMPTS = 6;
// Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
const AGAIN = new Set(['40001', '40P01', '55P03', '57P01', '57P02', '57P03']);

function worthAnotherAttempt(error) {
  // What the server did not say comes from the connection, which has no common class of errors. To repeat a mistake of
  // this program, too, does no harm: the key is the same.
  if (!(error instanceof pg.DatabaseError)) return true;
  return AGAIN.has(error.code) || error.code.startsWith('08');
}

/** Runs `work` in a transaction, as a whole and from its start as often as it takes. */
async function transaction(work) {
  for (let attempt = 1; ; attempt++) {
    let client;
    try {
      client = await pool.connect();
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT'); // can fail, too: only now it is done
      return result;
    } catch (error) {
      await client?.query('ROLLBACK').catch(() => {}); // fails where the connection is lost, and then nothing is open
      if (attempt === ATTEMPTS || !worthAnotherAttempt(error)) throw error;
      console.error(`attempt ${attempt}: ${error.code ?? 'connection lost'}`);
    } finally {
      client?.release(); // the pool does not keep a broken connection
    }
    await sleep(50 * 2 ** attempt);
  }
}

/** The first row of a statement in a transaction of its own. */
function one(sql, values) {
  return transaction(async (client) => (await client.query(sql, values)).rows[0]);
}

function openAccount(account) {
  return one('SELECT account, status FROM credits_open_account(account => $1)', [account]);
}

function grant(account, amount, key) {
  return one(
    `SELECT amount, balance, replayed
     FROM credits_grant(account => $1, amount => $2, idempotency_key => $3)`,
    [account, amount, key],
  );
}

/** Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt. */
function runJob(job, account, amount) {
  return transaction(async (client) => {
    // A repeated transaction may find the job that it has committed before.
    await client.query(
      'INSERT INTO jobs (job, account, credits) VALUES ($1, $2, $3) ON CONFLICT (job) DO NOTHING',
      [job, account, amount],
    );
    // Last, because it locks the account until the COMMIT.
    const { rows } = await client.query(
      `SELECT amount, balance, replayed
       FROM credits_debit(account => $1, amount => $2, idempotency_key => $3, feature => 'render')`,
      [account, amount, job],
    );
    return rows[0];
  });
}

function history(account) {
  const sql = 'SELECT entry, operation, amount, balance FROM credits_history WHERE account = $1 ORDER BY entry';
  return transaction(async (client) => (await client.query(sql, [account])).rows);
}

/** DETAIL as an object: its figures are `name=value` pairs. */
function figures(error) {
  return Object.fromEntries((error.detail ?? '').split(' ').map((pair) => pair.split('=', 2)));
}

function show(key, done, receipt) {
  console.log(`${key}: ${done} ${receipt.amount}, balance ${receipt.balance}${receipt.replayed ? ', replayed' : ''}`);
}

const account = await openAccount('acme');
console.log(`${account.account}: ${account.status}`);
// Amounts are text, going in and coming out: a number of JavaScript has 15 digits, an amount up to 20.
show('order-1', 'granted', await grant('acme', '100', 'order-1'));

// The second time stands for a caller who never saw the first answer. Nothing is taken twice.
for (let time = 1; time <= 2; time++) {
  show('job-1', 'debited', await runJob('job-1', 'acme', '12.345678'));
}

try {
  await runJob('job-2', 'acme', '500');
} catch (error) {
  if (error.code !== 'LC001') throw error;
  console.log(`job-2: ${error.code}, ${figures(error).shortfall} credits are missing`);
}

for (const entry of await history('acme')) {
  console.log(`${entry.entry} ${entry.operation} ${entry.amount}, balance ${entry.balance}`);
}
// job-2 was refused, and its row went with it.
const jobs = await transaction(async (client) => (await client.query('SELECT job FROM jobs ORDER BY job')).rows);
console.log(`jobs: ${jobs.map((row) => row.job).join(', ')}`);
const { available } = await one('SELECT available FROM credits_balance($1)', ['acme']);
console.log(`available: ${available}`);

await pool.end();

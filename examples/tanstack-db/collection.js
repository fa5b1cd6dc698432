import { createCollection } from '@tanstack/db';

/**
 * A collection of TanStack DB that has the rows of a query. `keyOf` names a row; writes go through the database, which tells the collection
 * of them.
 */
export function liveCollection(db, { id, sql, params = [], keyOf, ...handlers }) {
  const sync = ({ begin, write, commit, markReady }) => {
    const live = db.live(sql, params);
    const follow = async () => {
      for await (const { added, changed, removed } of live) {
        begin();
        for (const [, value] of removed) write({ type: 'delete', value });
        for (const [, value] of changed) write({ type: 'update', value });
        for (const [, value] of added) write({ type: 'insert', value });
        commit();
        markReady();
      }
    };
    follow().catch(reportError);
    return () => void live.return();
  };
  return createCollection({ id, getKey: keyOf, sync: { sync }, ...handlers });
}

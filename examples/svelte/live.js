import { readable } from 'svelte/store';

/** A store of the rows of a query, as they are now; undefined before they are known. It runs while somebody subscribes. */
export function live(db, sql, params = [], onError = reportError) {
  return readable(undefined, (set) => {
    const query = db.live(sql, params);
    const follow = async () => {
      for await (const patch of query) set(patch.rows);
    };
    follow().catch(onError);
    return () => void query.return();
  });
}

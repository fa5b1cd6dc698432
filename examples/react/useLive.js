import { useEffect, useState } from 'react';

/** The rows of a query, as they are now; undefined before they are known. An error goes to the error boundary. */
export function useLive(db, sql, ...params) {
  const [rows, setRows] = useState();
  const [failure, setFailure] = useState();
  const given = JSON.stringify(params);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `given` stands for params
  useEffect(() => {
    const live = db.live(sql, params);
    const follow = async () => {
      for await (const patch of live) setRows(patch.rows);
    };
    follow().catch((error) => setFailure({ error }));
    return () => void live.return();
  }, [db, sql, given]);
  if (failure) throw failure.error;
  return rows;
}

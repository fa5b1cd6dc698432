import { onScopeDispose, shallowRef, toValue, watchEffect } from 'vue';

/** A ref of the rows of a query, as they are now; undefined before they are known. `params` may be a ref or a getter. */
export function useLive(db, sql, params = []) {
  const rows = shallowRef();
  const error = shallowRef();
  watchEffect((onCleanup) => {
    const live = db.live(toValue(sql), toValue(params));
    const follow = async () => {
      for await (const patch of live) rows.value = patch.rows;
    };
    follow().catch((reason) => {
      error.value = reason;
    });
    onCleanup(() => live.return());
  });
  onScopeDispose(() => {
    rows.value = undefined;
  });
  return { rows, error };
}

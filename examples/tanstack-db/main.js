import { createLiveQueryCollection, eq } from '@tanstack/db';
import { add, db, finish } from '../todo.js';
import { liveCollection } from './collection.js';

const all = liveCollection(db, {
  id: 'todo',
  sql: 'SELECT id, title, done FROM todo',
  keyOf: (todo) => todo.id,
  // what is changed in the collection is shown at once, and written
  onUpdate: async ({ transaction }) => {
    for (const { key } of transaction.mutations) await finish(key);
  },
});
const open = createLiveQueryCollection((query) =>
  query
    .from({ todo: all })
    .where(({ todo }) => eq(todo.done, 0))
    .orderBy(({ todo }) => todo.id),
);

const main = document.body.appendChild(document.createElement('main'));
const list = main.appendChild(document.createElement('ul'));
const form = main.appendChild(document.createElement('form'));
const input = form.appendChild(document.createElement('input'));
input.name = 'title';
form.onsubmit = (event) => {
  event.preventDefault();
  add(input.value);
  input.value = '';
};

function item({ id, title }) {
  const button = document.createElement('button');
  button.textContent = title;
  button.onclick = () =>
    all.update(id, (draft) => {
      draft.done = 1;
    });
  const place = document.createElement('li');
  place.append(button);
  return place;
}

const show = () => list.replaceChildren(...open.toArray.map(item));
open.subscribeChanges(show, { includeInitialState: true });

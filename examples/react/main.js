import { createRoot } from 'react-dom/client';
import { add, db, finish, OPEN } from '../todo.js';
import { useLive } from './useLive.js';

function Todos() {
  const todos = useLive(db, OPEN);
  if (!todos) return <p>…</p>;
  return (
    <>
      <ul>
        {todos.map(({ id, title }) => (
          <li key={id}>
            <button type="button" onClick={() => finish(id)}>
              {title}
            </button>
          </li>
        ))}
      </ul>
      <form action={(form) => void add(form.get('title'))}>
        <input name="title" />
      </form>
    </>
  );
}

createRoot(document.body.appendChild(document.createElement('main'))).render(<Todos />);

import { createApp, h, ref } from 'vue';
import { add, db, finish, OPEN } from '../todo.js';
import { useLive } from './useLive.js';

const Todos = {
  setup() {
    // biome-ignore lint/correctness/useHookAtTopLevel: Vue calls setup() once
    const { rows } = useLive(db, OPEN);
    const title = ref('');
    const submit = (event) => {
      event.preventDefault();
      add(title.value);
      title.value = '';
    };
    const item = ({ id, title }) =>
      h('li', { key: id }, h('button', { type: 'button', onClick: () => finish(id) }, title));
    const input = () =>
      h('input', { name: 'title', value: title.value, onInput: (event) => (title.value = event.target.value) });
    return () => (rows.value ? [h('ul', rows.value.map(item)), h('form', { onSubmit: submit }, input())] : h('p', '…'));
  },
};

createApp(Todos).mount(document.body.appendChild(document.createElement('main')));

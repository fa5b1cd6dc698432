import { mount } from 'svelte';
import Todos from './Todos.svelte';

mount(Todos, { target: document.body.appendChild(document.createElement('main')) });

/** Python cells, in English and Japanese. @type {Record<string, [string, string]>} */
export const PYTHON = {
  'command.new-python': ['New Python cell', '新しい Python セル'],
  'kind.python': ['Py', 'Py'],
  'python.about': [
    'Python on the same connection: db.execute(sql) gives rows, @db.function lets SQL call a function. The last line is shown.',
    '同じ接続を使う Python です。db.execute(sql) で行を取得、@db.function で SQL から呼べる関数に。最後の行が表示されます。',
  ],
  'python.stopped': [
    'Stopped. Python starts anew: its variables are gone.',
    '停止しました。Python は最初から始まり、変数は失われます。',
  ],
  'python.gone': ['Python has ended unexpectedly.', 'Python が予期せず終了しました。'],
  'python.foreign': [
    'This Python came with a link. It can do whatever this page can: read and change the databases of this browser, and ask the network. Run it only if you trust who made it.',
    'この Python はリンクから来ました。このページにできること（ブラウザ内のデータベースの読み書き、ネットワークアクセス）は何でもできます。作成者を信頼できる場合のみ実行してください。',
  ],
};

/** The editor, its queries and hints, in English and Japanese. @type {Record<string, [string, string]>} */
export const EDITOR = {
  'tab.empty': ['New query', '新しいクエリ'],
  'tab.menu': ['Queries', 'クエリの操作'],
  'tab.rename': ['Rename the query', 'クエリの名前を変更'],
  'tab.name': ['Name', '名前'],
  'tab.close': ['Close', '閉じる'],
  'tab.keys': ['F2 or a double click renames, Delete closes', 'F2 かダブルクリックで名前の変更、Delete で閉じる'],
  'run.more': ['Other ways to run', 'そのほかの実行方法'],
  'run.waits': ['Runs when the engine is ready', 'エンジンの準備ができ次第実行します'],
  'run.nothing': ['There is nothing to run', '実行するものがありません'],
  'run.comment': ['There is no statement, only comments', '文がありません（コメントのみ）'],
  running: ['Running', '実行しています'],
  'explain.short': ['Plan', '実行計画'],
  'save.short': ['Save', '保存'],
  'save.label': ['Name of the query', 'クエリの名前'],
  'save.nothing': ['There is nothing to save', '保存するものがありません'],
  'save.done': ['Saved as {title}', '{title} として保存しました'],
  'format.failed': [
    'It cannot be formatted: the statement is not complete, or has a mistake, at {where}',
    '整形できません: {where} 付近の文が不完全か誤りがあります',
  ],
  'parameters.title': ['Parameters', 'パラメーター'],
  'parameters.type': ['Type of {name}', '{name} の型'],
  'type.auto': ['as typed', '自動'],
  'type.text': ['text', 'テキスト'],
  'type.integer': ['integer', '整数'],
  'type.real': ['real', '実数'],
  'type.blob': ['blob (hexadecimal)', 'BLOB（16 進）'],
  'type.null': ['NULL', 'NULL'],

  'history.search': ['Search the history', '履歴を検索'],
  'history.none': ['What you run is listed here.', '実行したクエリがここに並びます。'],
  'history.none-found': ['Nothing like it.', '見つかりません。'],
  'history.failed': ['failed', '失敗'],
  'history.clear': ['Forget all', 'すべて削除'],
  'saved.search': ['Search saved queries', '保存済みクエリを検索'],
  'saved.none': [
    'Save a query with Ctrl S, and it is here at the next visit.',
    'Ctrl S でクエリを保存すると、次回もここに表示されます。',
  ],
  'saved.remove': ['Remove {title}', '{title} を削除'],

  hint: ['Hint:', 'ヒント:'],
  'hint.near': ['Did you mean {name}?', '{name} のことですか?'],
  'hint.tables': ['There are: {tables}', '存在するもの: {tables}'],
  'hint.no-tables': [
    'This database has no tables yet. CREATE TABLE makes one; Samples has some.',
    'このデータベースにはまだテーブルがありません。CREATE TABLE で作成するか、サンプルを開いてください。',
  ],
  'hint.quotes': [
    "Text stands in single quotes: '{name}'. Double quotes are for names.",
    "文字列は一重引用符で囲みます: '{name}'。二重引用符は名前用です。",
  ],
  'hint.elsewhere': [
    '{name} is a column of {table}, which the statement does not read.',
    '{name} は {table} の列ですが、この文は {table} を参照していません。',
  ],
  'hint.comma': ['There may be a comma too many before {token}.', '{token} の前に余分なカンマがあるかもしれません。'],
  'hint.semicolon': [
    'A semicolon may be missing before {token}.',
    '{token} の前にセミコロンが抜けているかもしれません。',
  ],
  'hint.top': ['Here it is LIMIT, at the end: SELECT … LIMIT 10', 'ここでは末尾に LIMIT を使います: SELECT … LIMIT 10'],
  'hint.operator': [
    'Comparisons are =, <>, <, >; both must be true: AND.',
    '比較は =、<>、<、>、両方が真の条件は AND です。',
  ],
  'hint.show': [
    'Tables are listed at the side, or by SELECT name FROM sqlite_schema; columns by PRAGMA table_info(name).',
    'テーブル一覧はサイドバーか SELECT name FROM sqlite_schema、列は PRAGMA table_info(name) で確認できます。',
  ],
  'hint.dot': [
    'Commands with a dot belong to the shell of SQLite; tables are listed at the side.',
    'ドットで始まるコマンドは SQLite シェル用です。テーブルはサイドバーにあります。',
  ],
  'hint.reserved': [
    'If {token} is meant as a name, put it into double quotes.',
    '{token} を名前として使う場合は二重引用符で囲みます。',
  ],
  'hint.incomplete': [
    'Something is missing at the end: a bracket, a quote, END.',
    '末尾に何か足りません（括弧、引用符、END など）。',
  ],
  'hint.unclosed': [
    'A quote is not closed. A quote in a text is written twice.',
    '引用符が閉じていません。文字列中の引用符は二つ重ねて書きます。',
  ],
  'hint.ambiguous': [
    'Several tables have {name}: put the table or its alias before it.',
    '{name} は複数のテーブルにあります。テーブル名か別名を前に付けてください。',
  ],
  'hint.having': [
    'Conditions on aggregates stand in HAVING, behind GROUP BY.',
    '集計に対する条件は GROUP BY の後の HAVING に書きます。',
  ],
  'hint.locked': [
    'Something else uses the table or the file: another tab, or a result that is not read to its end.',
    '別のタブや読み終えていない結果が使用中です。',
  ],
  'hint.readonly': ['This database is only read here.', 'このデータベースは読み取り専用です。'],
  'hint.transaction': [
    'A transaction is open already: COMMIT or ROLLBACK ends it.',
    'すでにトランザクションが開いています。COMMIT か ROLLBACK で終了します。',
  ],
  'hint.exists': [
    'CREATE TABLE IF NOT EXISTS leaves what is there; DROP TABLE removes it.',
    'CREATE TABLE IF NOT EXISTS を使うか、DROP TABLE で削除します。',
  ],
  'hint.values': [
    'Name the columns that you give: INSERT INTO {table}(a, b) VALUES (1, 2)',
    '列を指定してください: INSERT INTO {table}(a, b) VALUES (1, 2)',
  ],
  'hint.unique': [
    'There is a row with this {what} already. INSERT OR IGNORE leaves it, ON CONFLICT … DO UPDATE changes it.',
    '同じ {what} の行がすでにあります。INSERT OR IGNORE か ON CONFLICT … DO UPDATE を使えます。',
  ],
  'hint.not-null': ['{what} needs a value.', '{what} には値が必要です。'],
  'hint.check': [
    'The table allows only what this is true of: {what}',
    'このテーブルは次の条件を満たす値だけを許可します: {what}',
  ],
};

<?php
// Tells how PHP itself read a request: one line of JSON in a record file, and the same as the answer.
// The record comes first, so that a request whose client has gone is seen as well.

declare(strict_types=1);

/** Applies a function to every string of a nested array; arrays become JSON objects. */
function mapped(mixed $value, callable $form): mixed
{
    return is_array($value) ? (object) array_map(fn ($one) => mapped($one, $form), $value) : $form($value);
}

/** The string when it is valid UTF-8, else null. */
function text(string $bytes): ?string
{
    return preg_match('//u', $bytes) === 1 ? $bytes : null;
}

/** The value of a field as Laravel's rules get it (TrimStrings), null when it is absent or an array. */
function trimmed(string $field): ?string
{
    $value = $_POST[$field] ?? null;
    return is_string($value) ? trim($value) : null;
}

/** How many characters a value has; bytes, where it is not valid UTF-8. */
function characters(?string $value): int
{
    if ($value === null) {
        return 0;
    }
    $count = preg_match_all('/./su', $value);
    return $count === false ? strlen($value) : $count;
}

/** The entries of $_FILES['attachments'], in order, whether it came as an array or as a single file. */
function uploads(): array
{
    $entry = $_FILES['attachments'] ?? null;
    if ($entry === null) {
        return [];
    }
    $found = [];
    foreach (array_keys((array) $entry['name']) as $index) {
        $one = array_map(fn ($column) => is_array($column) ? $column[$index] : $column, $entry);
        $found[] = [
            'name' => text($one['name']),
            'name_hex' => bin2hex($one['name']),
            'full_path' => text($one['full_path'] ?? ''),
            'type' => $one['type'],
            'size' => $one['size'],
            'error' => $one['error'],
            'sha256' => $one['error'] === UPLOAD_ERR_OK ? hash_file('sha256', $one['tmp_name']) : null,
        ];
    }
    return $found;
}

/** The documented validation. Of files nothing is documented, so they do not count here. */
function verdicts(): array
{
    $message = characters(trimmed('message')) >= 5;
    $subject = characters(trimmed('subject'));
    // What Laravel's `integer` rule asks; false and null are below 1.
    $department = filter_var(trimmed('department_id') ?? '', FILTER_VALIDATE_INT);
    return [
        'validates' => $message && $subject >= 3 && $subject <= 255 && $department >= 1,
        'validates_reply' => $message,
    ];
}

if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/idle') {
    echo getenv('PARSE_TOKEN');
    return;
}

usleep((int) ($_GET['sleep_us'] ?? 0)); // the application's own work

$record = json_encode([
    'method' => $_SERVER['REQUEST_METHOD'],
    'uri' => $_SERVER['REQUEST_URI'],
    'headers' => (object) array_change_key_case(getallheaders()),
    'content_type' => $_SERVER['CONTENT_TYPE'] ?? null,
    'content_length' => $_SERVER['CONTENT_LENGTH'] ?? null,
    'fields' => mapped($_POST, 'text'),
    'fields_hex' => mapped($_POST, 'bin2hex'),
    'files' => uploads(),
    'files_in_array' => is_array($_FILES['attachments']['name'] ?? null),
    'other_files' => array_values(array_diff(array_map('strval', array_keys($_FILES)), ['attachments'])),
] + verdicts(), JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);

file_put_contents(getenv('PARSE_RECORD'), $record . "\n", FILE_APPEND | LOCK_EX);
header('Content-Type: application/json');
echo $record;

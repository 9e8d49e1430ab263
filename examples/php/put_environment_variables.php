<?php
// For the wrapper sendmail-php: for whom a script runs, in its environment, which
// sendmail_path's program inherits. PHP takes it back at the end of the request.
// Not for threads (mod_php with a threaded MPM, FrankenPHP): they share one
// environment, and mail would be logged for another's request.
(static function () {
    foreach (['URL' => ($_SERVER['HTTP_HOST'] ?? '') . ($_SERVER['SCRIPT_NAME'] ?? ''), 'CLIENT' => $_SERVER['REMOTE_ADDR'] ?? '',
              'FILE' => $_SERVER['SCRIPT_FILENAME'] ?? ''] as $name => $value) {
        putenv("SENDMAIL_PHP_$name=" . preg_replace('/[^A-Za-z0-9._\/:~%-]/', '?', substr($value, 0, 300)));
    }
})();

<?php
// A WordPress as far as the pasted code asks for it: runs the code, then what a visitor does. In: {code, times, cookies,
// user, orders} on stdin; an order is {hook, id}. Out: {orders: [{meta, saved}], footer} as JSON. A warning is an error.

error_reporting(E_ALL);
set_error_handler(function ($kind, $message) {
    throw new ErrorException($message, $kind);
});
$given = json_decode(file_get_contents('php://stdin'), true, 512, JSON_THROW_ON_ERROR);
$actions = [];

function add_action($hook, $callback)
{
    global $actions;
    $name = is_string($callback) ? $callback : spl_object_id($callback);
    $actions[$hook][$name] = $callback;
}

function wp_unslash($value)
{
    return is_array($value) ? array_map('wp_unslash', $value) : (is_string($value) ? stripslashes($value) : $value);
}

function slashed($value)
{
    return is_array($value) ? array_map('slashed', $value) : addslashes($value);
}

function is_user_logged_in()
{
    global $given;
    return $given['user'] > 0;
}

function get_current_user_id()
{
    global $given;
    return $given['user'];
}

final class Order
{
    public array $meta = [];
    public int $saved = 0;

    public function __construct(private int $id)
    {
    }

    public function get_id()
    {
        return $this->id;
    }

    public function update_meta_data($key, $value)
    {
        $this->meta[$key] = $value;
    }

    public function save_meta_data()
    {
        $this->saved++;
    }
}

// As WordPress does before any code of a theme runs.
$_COOKIE = slashed($given['cookies']);
for ($time = 0; $time < $given['times']; $time++) {
    eval($given['code']);
}
$orders = [];
foreach ($given['orders'] as $asked) {
    $order = new Order($asked['id']);
    foreach ($actions[$asked['hook']] ?? [] as $callback) {
        $callback($order);
    }
    $orders[] = ['meta' => (object) $order->meta, 'saved' => $order->saved];
}
ob_start();
foreach ($actions['wp_footer'] ?? [] as $callback) {
    $callback();
}
$footer = ob_get_clean();
echo json_encode(['orders' => $orders, 'footer' => $footer], JSON_THROW_ON_ERROR), "\n";

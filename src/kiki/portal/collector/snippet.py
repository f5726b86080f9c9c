"""What a merchant pastes into the shop."""

from __future__ import annotations

from kiki.commerce.collectors import CollectorStore

_QUEUE = "window.kiki=window.kiki||function(){(kiki.q=kiki.q||[]).push(arguments)}"
_WOOCOMMERCE_ORDER = """\
if ( ! function_exists( 'kiki_visitor_on_order' ) ) {
    function kiki_visitor_on_order( $order ) {
        $visitor = isset( $_COOKIE['kiki_visitor'] ) ? wp_unslash( $_COOKIE['kiki_visitor'] ) : '';
        if ( ! is_string( $visitor ) || ! preg_match( '/\\A[A-Za-z0-9_-]{16,64}\\z/', $visitor ) ) {
            return;
        }
        $order->update_meta_data( '_kiki_visitor', $visitor );
        if ( $order->get_id() ) {
            $order->save_meta_data();
        }
    }
    add_action( 'woocommerce_checkout_create_order', 'kiki_visitor_on_order' );
    add_action( 'woocommerce_store_api_checkout_update_order_meta', 'kiki_visitor_on_order' );
}"""
_SHOPIFY_CUSTOMER = (
    "{% if customer %}<script>window.kiki&&kiki('identify',"
    "{customerId:{{ customer.id | escape | json }},"
    "proof:{{ customer.id | append: '' | hmac_sha256: 'SECRET' | json }}})</script>{% endif %}"
)
_WOOCOMMERCE_CUSTOMER = """\
add_action( 'wp_footer', function () {
    if ( is_user_logged_in() ) {
        $customer = (string) get_current_user_id();
        $proof = hash_hmac( 'sha256', $customer, 'SECRET' );
        printf( "<script>window.kiki&&kiki('identify',{customerId:'%d',proof:'%s'})</script>", $customer, $proof );
    }
} );"""


def page_snippet(store: CollectorStore, public_url: str) -> str:
    """Two script elements for every page's head."""
    address = f"{public_url.rstrip('/')}/collect/{store.collector_key}/pixel.js"
    return f'<script>{_QUEUE}</script>\n<script async src="{address}"></script>'


def customer_snippet(store: CollectorStore, secret: str) -> str:
    """Optional: says which customer is logged in, with a proof under the shop's secret, which no page shows.

    Liquid for Shopify, PHP for WooCommerce, else none.
    """
    code = {"shopify": _SHOPIFY_CUSTOMER, "woocommerce": _WOOCOMMERCE_CUSTOMER}.get(store.platform, "")
    return code.replace("SECRET", secret)


def order_snippet(store: CollectorStore) -> str:
    """PHP that writes the visitor id on an order of WooCommerce; on Shopify the pixel itself writes it on the cart."""
    return _WOOCOMMERCE_ORDER if store.platform == "woocommerce" else ""

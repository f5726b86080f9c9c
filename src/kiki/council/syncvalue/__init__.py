"""SyncValue: customer lifetime value, churn risk, and the store's revenue before and after it was connected.

Owns each customer's purchase history (schema `syncvalue`) and what is predicted from it. Holds no personal data:
customers are opaque keys. Start at `service.py`; the model is `ltv.py`.
"""

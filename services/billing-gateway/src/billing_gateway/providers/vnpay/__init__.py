"""VNPay 2.1.0: the signed pay address and the signed callback (its IPN, a GET).

Source: VNPay's integration document, `sandbox.vnpayment.vn/apis/docs/thanh-toan-pay/pay.html`.
"""

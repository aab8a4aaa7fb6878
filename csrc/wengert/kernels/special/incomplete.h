// The incomplete gamma function, and how samples of gamma and beta distributions move with their
// parameters.
//
// A sample x whose distribution function is F(x; a) moves with a, at the same probability, by
//   dx/da = -(dF/da) / (dF/dx)
// (Figurnov, Mohamed and Mnih, "Implicit reparameterization gradients", 2018). F is a series, or a
// continued fraction, times a factor that is a multiple of the density, so that the factor falls
// out and what is left are sums without over- or underflow.
#pragma once

namespace wengert::special {

// P(a, x), the lower incomplete gamma function over Gamma(a), and Q = 1 - P. NaN below 0.
double gamma_lower(double a, double x);
double gamma_upper(double a, double x);
// x^(a - 1) e^-x / Gamma(a), the derivative of P by x.
double gamma_density(double a, double x);
// dx/da of x from the gamma distribution of shape a.
double gamma_slope(double a, double x);
// dx/da / (1 - x) of x from the beta distribution of a and b.
double beta_slope(double a, double b, double x);

}  // namespace wengert::special

// Bessel functions on registers of doubles. Each range has a polynomial of its own, and is left out
// where no lane is in it: a lane's value is the same either way. The polynomials are near the best
// ones of their degree; t is what maps a range to [-1, 1], where their terms are no larger than
// their sum.
#pragma once

#include <numbers>

#include "wengert/kernels/core/vec.h"

namespace wengert::special {

using VecD = Vec<double>;

// near() where x <= cut or x is NaN, far() beyond.
template <class N, class F>
inline VecD by_range(VecD x, double cut, const N& near, const F& far) {
  const Mask<double> beyond = x > cut;
  if (!any(beyond)) return near();
  const VecD y = far();
  return any(x <= cut) ? select(beyond, y, near()) : y;
}
// y e^x, of which e^x alone may be infinite, or 0.
inline VecD times_exp(VecD y, VecD x) {
  const VecD root = exp(0.5 * x);
  return y * root * root;
}

// I_n(x) = (x / 2)^n (1 + z P(z)), z = x^2 / 4, up to 8; beyond e^x / sqrt(x) Q(16 / x - 1). As
// many coefficients as the digits ask for.
template <int kOrder, class Digits>
struct BesselI;
template <>
struct BesselI<0, float> {
  static constexpr double kNear[] = {
      0.9999999943707946,    0.2500000287119491,     0.027777731322903,      0.0017361457677329084,
      6.943042722446494e-05, 1.9323533516162438e-06, 3.8879441982033864e-08, 6.590413794771466e-10,
      5.24949935492597e-12,  1.4184280940896566e-13};
  static constexpr double kFar[] = {
      0.4021765094192122,     0.0033605557001427145, 0.00013621716424322397, 1.111214828523939e-05,
      1.4761157343412482e-06, 3.626670384797085e-07, 1.0867942482266847e-07};
};
template <>
struct BesselI<0, double> {
  static constexpr double kNear[] = {
      0.9999999999999981,     0.25000000000001615,    0.027777777777731695,  0.0017361111111744282,
      6.944444439486025e-05,  1.9290123699878987e-06, 3.936759098928696e-08, 6.151204974016475e-10,
      7.593782281719616e-12,  7.59710564939649e-14,   6.252548307857309e-16, 4.482320938121251e-18,
      2.1585747643129824e-20, 2.1234928938293524e-22};
  static constexpr double kFar[] = {
      0.40217650944500816,     0.0033605519836677504,   0.00013621607437904054,
      1.1143033800708978e-05,  1.48384809739718e-06,    2.973596046562712e-07,
      8.871360038754707e-08,   3.932889375114634e-08,   2.1620199017859248e-08,
      7.534355843803342e-09,   -7.1010934904762744e-09, -1.3326094405766387e-08,
      -4.305727426988361e-09,  7.3359687108161536e-09,  5.191958083669399e-09,
      -3.1346276429240787e-09, -2.9337366286377844e-09, 1.1050558794424347e-09,
      9.735776625085242e-10,   -2.8033819978869995e-10, -1.4824893214970786e-10,
      3.629355229718733e-11};
};
template <>
struct BesselI<1, float> {
  static constexpr double kNear[] = {
      0.4999999990253352,     0.08333333757302547,   0.006944438399161627,  0.00034722629569698454,
      1.1572557871055585e-05, 2.759106134476528e-07, 4.874390136836864e-09, 7.233967548434592e-11,
      5.546145379363476e-13,  1.2478892457266434e-14};
  static constexpr double kFar[] = {0.3893984590596593,      -0.00974958137037718,
                                    -0.00021923712538189863, -1.5003965466132858e-05,
                                    -1.8256907317698836e-06, -4.210350155023231e-07,
                                    -1.227321723508557e-07};
};
template <>
struct BesselI<1, double> {
  static constexpr double kNear[] = {
      0.4999999999999997,     0.08333333333333527,   0.006944444444439475,  0.00034722222222845716,
      1.15740740695529e-05,   2.755731943153251e-07, 4.920949223963654e-09, 6.834666135823661e-11,
      7.593855357735878e-13,  6.905846606419816e-15, 5.213960352716333e-17, 3.434943133653197e-19,
      1.5700385580616782e-21, 1.388507669004836e-23};
  static constexpr double kFar[] = {
      0.3893984590258723,      -0.009749577193235635,   -0.00021923576382047057,
      -1.5038547209501858e-05, -1.8349106860450982e-06, -3.4838534380376333e-07,
      -1.0000393426323456e-07, -4.313196489977733e-08,  -2.344868241306537e-08,
      -8.409182040442918e-09,  7.102306101258632e-09,   1.3958551001385955e-08,
      4.83070216418574e-09,    -7.44444147719727e-09,   -5.559075345853801e-09,
      3.086886736722725e-09,   3.1008802702394666e-09,  -1.0594544160443166e-09,
      -1.0230972770946493e-09, 2.6340771095136483e-10,  1.5532708319178e-10,
      -3.365431853180176e-11};
};
// I_n(x), or e^-|x| times that.
template <int kOrder, bool kScaled, class Digits>
[[gnu::noinline]] VecD bessel_i_on(VecD x) {
  using C = BesselI<kOrder, Digits>;
  const VecD a = abs(x);
  const auto near = [&] {
    const VecD z = 0.25 * a * a, most = fma(z, detail::polynomial(C::kNear, z, z * z), VecD(1.0));
    const VecD y = kOrder == 0 ? most : 0.5 * a * most;
    return kScaled ? y * exp_nonpositive(-a) : y;
  };
  const auto far = [&] {
    const VecD t = 16.0 / a - 1.0, y = detail::polynomial(C::kFar, t, t * t) / sqrt(a);
    return kScaled ? y : select(a < INFINITY, times_exp(y, a), a);
  };
  const VecD y = by_range(a, 8, near, far);
  return kOrder == 0 ? y : detail::turned_by(y, x);
}

// K_0(x) = P(z) - log(x) I(z) and K_1(x) = 1 / x + x (P(z) + log(x) I(z)), z = x^2 / 4, up to 1;
// beyond e^-x / sqrt(x) Q(4 / (x + 1) - 1).
template <int kOrder>
struct BesselK;
template <>
struct BesselK<0> {
  static constexpr double kI[] = {1.0,
                                  1.0000000000000002,
                                  0.24999999999998754,
                                  0.027777777778176867,
                                  0.0017361111048428133,
                                  6.944449789455066e-05,
                                  1.928759982340481e-06,
                                  3.9987277466605667e-08};
  static constexpr double kNear[] = {
      0.11593151565841245,  1.1159315156584129,     0.40398287891456774,   0.05414624580645774,
      0.003818168122839422, 0.00016661576604532085, 4.948998151613873e-06, 1.0839505228452742e-07};
  static constexpr double kFar[] = {
      1.2085585393824037,      -0.05190414200069948,    -0.009047854303689314,
      -0.0023443540383955787,  -0.000574620041050222,   -0.00016278282311010128,
      -4.3525604697537744e-05, -1.3010588742151533e-05, -3.5911825298333674e-06,
      -1.1249159277662689e-06, -3.0996049174796094e-07, -1.0322079629275789e-07,
      -2.740358257174673e-08,  -9.815379074339376e-09,  -2.0211186935712674e-09,
      -1.3180947092055013e-09, -3.7419434928229614e-10, 4.6502043968649614e-11,
      7.014807009182639e-11,   -7.965947541002577e-11};
};
template <>
struct BesselK<1> {
  static constexpr double kI[] = {0.5,
                                  0.25,
                                  0.04166666666666598,
                                  0.0034722222222443666,
                                  0.00017361111076328296,
                                  5.787040003203864e-06,
                                  1.377725897231211e-07,
                                  2.4948760891078813e-09};
  static constexpr double kNear[] = {-0.3079657578292062,    -0.34148287891460316,
                                     -0.07427492426354296,   -0.00720230850350757,
                                     -0.0003991779241667929, -1.4366896202590847e-05,
                                     -3.633523867474336e-07, -6.918107205884788e-09};
  static constexpr double kFar[] = {
      1.3970089271126294,     0.17753773382084942,    0.04365061563751442,
      0.012635408079249122,   0.003692846928374185,   0.001126934886081389,
      0.00034412685615717027, 0.00010771775572933253, 3.355627608063833e-05,
      1.0673114732954954e-05, 3.358517057462308e-06,  1.0822880619690351e-06,
      3.4120653645609527e-07, 1.111197903045728e-07,  3.5509210069526765e-08,
      1.228378584847657e-08,  3.192934958479441e-09,  8.282744064355555e-10,
      5.528844238833614e-10,  2.973241988872898e-10};
};
// K_n(x), or e^x times that.
template <int kOrder, bool kScaled>
[[gnu::noinline]] VecD bessel_k_on(VecD x) {
  using C = BesselK<kOrder>;
  const auto near = [&] {
    const VecD z = 0.25 * x * x, s = z * z, l = log(x);
    const VecD p = detail::polynomial(C::kNear, z, s), i = detail::polynomial(C::kI, z, s);
    const VecD y = kOrder == 0 ? fma(-l, i, p) : fma(x, fma(l, i, p), 1.0 / x);
    return select(x == 0.0, INFINITY, kScaled ? y * exp(x) : y);
  };
  const auto far = [&] {
    const VecD t = 4.0 / (x + 1.0) - 1.0, y = detail::polynomial(C::kFar, t, t * t) / sqrt(x);
    return kScaled ? y : times_exp(y, -x);
  };
  return by_range(x, 1, near, far);
}

// Up to 8, with t = x^2 / 32 - 1: J_0 = J(t), J_1 = x J(t), Y_0 = Y(t) + 2 / pi log(x) J_0 and
// Y_1 = x Y(t) + 2 / pi (log(x) J_1 - 1 / x). Beyond, with P and Q of 128 / x^2 - 1 and the angle
// a = x - pi / 4 - n pi / 2, Abramowitz and Stegun 9.2.5: J_n = sqrt(2 / (pi x)) (P cos a - Q / x
// sin a), and Y_n with P sin a + Q / x cos a. Digits for floats, also near the zeros.
template <int kOrder>
struct BesselJ;
template <>
struct BesselJ<0> {
  static constexpr double kJ[] = {
      0.045829664859813754,   0.9303012472958572,    -0.6484692830871821,
      -0.8080888076696872,    1.0383794611436883,    -0.5074680458471,
      0.14598884856785538,    -0.028472718610882047, 0.004058078988108771,
      -0.0004435459224311503, 3.847320005801417e-05, -2.717749223632098e-06,
      1.5955848859935914e-07, -7.91532308295207e-09, 3.3794626319436793e-10,
      -1.243301171273326e-11};
  static constexpr double kY[] = {
      -0.38225065445942497,   -0.8284358903604587,    1.6470964788745432,
      0.14412632369302475,    -1.077547733821527,     0.6721770783431679,
      -0.21895747096229642,   0.046367047681375125,   -0.0070257410549918785,
      0.000806158605961636,   -7.279542368660281e-05, 5.3213188103997145e-06,
      -3.218450383864968e-07, 1.6390875014077404e-08, -7.165821913752182e-10,
      2.6926938054524057e-11};
  static constexpr double kP[] = {
      0.9994572757882519,      -0.0005363673192140685,  6.137416081283524e-06,
      -2.0527446058637657e-07, 1.2803747743828764e-08,  -1.2122331597442108e-09,
      1.550640953808597e-10,   -2.4629541128263808e-11, 4.674289307624388e-12,
      -1.2976727285594204e-12, 3.455012974455743e-13};
  static constexpr double kQ[] = {
      -0.12444091103610802,   0.0005466519279557061,   -1.1817110670326765e-05,
      5.684970271731149e-07,  -4.5349624009411745e-08, 5.147111492483561e-09,
      -7.580648759376847e-10, 1.3430655343255628e-10,  -2.791767216290224e-11,
      8.714700882422704e-12,  -2.4985313819197643e-12};
};
template <>
struct BesselJ<1> {
  static constexpr double kJ[] = {
      -0.05814382795599107,    0.08105866038589758,     0.15151665143806636,
      -0.2595948652859166,     0.15858376432721838,     -0.05474581821299505,
      0.012456814392263375,    -0.002029039493866671,   0.0002494945813597261,
      -2.4045750380401832e-05, 1.8684526037206013e-06,  -1.1966856610655616e-07,
      6.431190177265836e-09,   -2.9580309461613664e-10, 1.1658972367678622e-11};
  static constexpr double kY[] = {
      0.07075985882118005,     -0.24337743079193033,  0.02336757172099348,    0.2350720920666676,
      -0.19639839859930203,    0.07854786922274869,   -0.01962875683311711,   0.0034224907383790058,
      -0.0004438173434420147,  4.467433389052664e-05, -3.601000022590458e-06, 2.380443767044983e-07,
      -1.3153147367094951e-08, 6.202538033356882e-10, -2.499531546171249e-11};
  static constexpr double kP[] = {
      1.0009070262780821,      0.0008988049416716917,   -7.959694699684788e-06,
      2.453676398677532e-07,   -1.4708498448932155e-08, 1.3604283513176835e-09,
      -1.7137279585997966e-10, 2.6934110557353714e-11,  -5.071495295696752e-12,
      1.3958847733874476e-12,  -3.697244591244297e-13};
  static constexpr double kQ[] = {
      0.3742149922195917,     -0.000769716705773066,   1.4569614819521505e-05,
      -6.63356684929497e-07,  5.1360949369410444e-08,  -5.721826524724097e-09,
      8.320654486240071e-10,  -1.4611471148907228e-10, 3.0166510460295075e-11,
      -9.341444905118305e-12, 2.665792699508074e-12};
};
template <int kOrder, bool kSecond>
[[gnu::noinline]] VecD bessel_j_on(VecD x) {
  using C = BesselJ<kOrder>;
  const VecD a = kSecond ? x : abs(x);
  const auto near = [&] {
    const VecD t = fma(x, x * (1.0 / 32), VecD(-1.0)), s = t * t;
    const VecD j = detail::polynomial(C::kJ, t, s), first = kOrder == 0 ? j : x * j;
    if constexpr (!kSecond) {
      return first;
    } else {
      const VecD y = detail::polynomial(C::kY, t, s), l = log(x);
      if constexpr (kOrder == 0) return fma(M_2_PI * l, j, y);
      return select(x == 0.0, -INFINITY, fma(VecD(M_2_PI), fma(l, first, -(1.0 / x)), x * y));
    }
  };
  const auto far = [&] {
    const VecD r = 1.0 / a, t = fma(r, 128.0 * r, VecD(-1.0)), s = t * t;
    const VecD p = detail::polynomial(C::kP, t, s), q = r * detail::polynomial(C::kQ, t, s);
    const auto turn = detail::turn_of<double>(a);
    // sqrt(2) times the sine and the cosine of the angle.
    const VecD up = turn.sine(0) + turn.sine(1), down = turn.sine(0) - turn.sine(1);
    const VecD sine = kOrder == 0 ? down : -up, cosine = kOrder == 0 ? up : down;
    const VecD y = kSecond ? fma(p, sine, q * cosine) : fma(p, cosine, -(q * sine));
    const VecD size = y * sqrt(r * std::numbers::inv_pi);
    return kOrder == 1 && !kSecond ? detail::turned_by(size, x) : size;
  };
  return by_range(a, 8, near, far);
}

// f of each number in float64.
template <class F, class... X>
inline VecD in_doubles(const F& f, VecD first, X... x) {
  return f(first, x...);
}
template <class F, class... X>
inline Vec<float> in_doubles(const F& f, Vec<float> first, X... x) {
  return detail::by_doubles(f, first, x...);
}

template <int kOrder, bool kScaled>
struct BesselIOf {
  template <class T>
  Vec<T> operator()(Vec<T> x) const {
    return in_doubles(bessel_i_on<kOrder, kScaled, T>, x);
  }
};
template <int kOrder, bool kScaled>
struct BesselKOf {
  auto operator()(auto x) const { return in_doubles(bessel_k_on<kOrder, kScaled>, x); }
};
// By the C library's where digits are not enough: of doubles, and of what is too far for turn_of.
template <int kOrder, bool kSecond, double (*kLibrary)(double)>
struct BesselJOf {
  VecD operator()(VecD x) const { return lanes(x, kLibrary); }
  Vec<float> operator()(Vec<float> x) const {
    const Vec<float> y = detail::by_doubles(bessel_j_on<kOrder, kSecond>, x);
    const Mask<float> far = abs(x) > 0x1p20;
    if (any(far)) [[unlikely]]
      return detail::rare_lanes<float>(
          far, x, y, [](float v) { return static_cast<float>(kLibrary(static_cast<double>(v))); });
    return y;
  }
};

}  // namespace wengert::special

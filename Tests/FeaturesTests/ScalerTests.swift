import Features
import Kernels
import Storage
import TestSupport
import Testing

@Suite struct ScalerTests {
    // published-system.md §11.
    @Test func `entropies are the published ones`() {
        #expect(abs(Entropy.published([3, 1]) - 0.811_278_121_731_597) < 1e-12)
        #expect(abs(Entropy.published([1, 1]) - 0.999_999_997_335_957_6) < 1e-12)
        #expect(abs(Entropy.published([5]) - 1.441_251_624_583_322_7e-06) < 1e-12)
        #expect(abs(Entropy.published([0, 7, 0]) - 1.441_251_624_583_322_7e-06) < 1e-12)
        #expect(Entropy.published([]) == 0)
    }

    // published-system.md §11: Yeo-Johnson of 0,0,0,0,1,1,2,3,10,100.
    @Test func `the power transform is the published one`() {
        let histogram: [(value: Double, count: Int64)] = [
            (0, 4), (1, 2), (2, 1), (3, 1), (10, 1), (100, 1),
        ]
        let lambda = YeoJohnson.fit(histogram)
        #expect(abs(lambda - -0.596_716_438_4) < 1e-7, "\(lambda)")
        var scaler = Scaler(treatment: .count, lambda: lambda, low: 0, high: 0)
        scaler.high = scaler.transform(100)
        let golden = [-1, -0.276_439_75, 0.027_101_1, 0.202_019_72, 0.625_290_29, 1]
        for (point, want) in zip(histogram, golden) {
            #expect(abs(scaler.scaled(point.value) - want) < 1e-7, "\(point.value)")
        }
    }

    @Test func `a column without variance has a lambda of 1`() {
        #expect(YeoJohnson.fit([]) == 1)
        #expect(YeoJohnson.fit([(7, 1000)]) == 1)
    }

    // The definition is its own oracle: the fit claims a maximum, so every other λ must be worse.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `no other lambda is likelier`(seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 3)
        var values: Set<Double> = []
        for _ in 0..<Int.random(in: 2...40, using: &random) {
            values.insert(Double(Int.random(in: 0...(1 << Int(seed % 10 + 1)), using: &random)))
        }
        guard values.count > 1 else { return }
        let histogram = values.sorted().map {
            (value: $0, count: Int64.random(in: 1...9, using: &random))
        }
        let lambda = YeoJohnson.fit(histogram)
        let best = likelihood(histogram, lambda)
        for step in [-1.0, -0.1, -0.001, 0.001, 0.1, 1] {
            #expect(best >= likelihood(histogram, lambda + step) - 1e-9, "λ \(lambda), \(step)")
        }
    }

    @Test func `values outside the fit are clipped`() {
        let scaler = Scaler(treatment: .rate, lambda: 0, low: 2, high: 4)
        #expect(scaler.scaled(3) == 0)
        #expect(scaler.scaled(2) == -1)
        #expect(scaler.scaled(4) == 1)
        #expect(scaler.scaled(0) == -1)
        #expect(scaler.scaled(1e300) == 1)
    }

    @Test func `constant columns are -1, absent values 0, direct ones unchanged`() {
        let constant = Scaler(treatment: .count, lambda: 0.5, low: 3, high: 3)
        #expect(constant.scaled(100) == -1)
        #expect(constant.scaled(.nan) == 0)
        let direct = Scaler(treatment: .direct, lambda: 0, low: 0, high: 0)
        #expect(direct.scaled(-7.25) == -7.25)
        #expect(direct.scaled(.nan) == 0)
    }

    @Test(arguments: RowTable.allCases)
    func `small integers from the table are the same bits`(table: RowTable) {
        let plain = FrozenStatistics.livelyScalers(table).scalers
        let scalers = RowScalers(table: table, scalers: plain)
        var random = SeededRandom(seed: 4, stream: UInt64(table.rawValue))
        var values = (0..<600).map { Double($0) }
        values += [.nan, -1, -0.5, 0.5, 511.5, 511.999_999, 1e9, 1e300]
        values += (0..<300).map { _ in random.nextUnit() * 600 }
        for value in values {
            var bits = [UInt16](repeating: 0xFFFF, count: RowLayout.width)
            scalers.scale(Array(repeating: value, count: RowLayout.width), into: &bits)
            let wanted = plain.map { halfBits(Float($0.scaled(value))) }
            #expect(bits == wanted, "\(value)")
        }
    }

    @Test func `unfitted scalers give -1 where there is something to scale`() {
        for table in RowTable.allCases {
            var bits = [UInt16](repeating: 0, count: RowLayout.width)
            let values = [Double](repeating: 3, count: RowLayout.width)
            RowScalers.unfitted(table).scale(values, into: &bits)
            for position in 0..<RowLayout.width {
                let isDirect = RowLayout.treatment(table, position) == .direct
                #expect(float(fromHalf: bits[position]) == (isDirect ? 3 : -1))
            }
        }
    }

    private func likelihood(
        _ histogram: [(value: Double, count: Int64)], _ lambda: Double
    ) -> Double {
        let total = histogram.reduce(0.0) { $0 + Double($1.count) }
        let values = histogram.map { YeoJohnson.transform($0.value, lambda: lambda) }
        let mean = zip(values, histogram).reduce(0.0) { $0 + $1.0 * Double($1.1.count) } / total
        let variance =
            zip(values, histogram).reduce(0.0) {
                $0 + ($1.0 - mean) * ($1.0 - mean) * Double($1.1.count)
            } / total
        let logs = histogram.reduce(0.0) {
            $0 + Elementary.log1p($1.value) * Double($1.count)
        }
        return -total / 2 * Elementary.ln(variance) + (lambda - 1) * logs
    }
}

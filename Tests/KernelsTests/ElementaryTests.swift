import Kernels
import Storage
import TestSupport
import Testing

@Suite struct ElementaryTests {
    // Tests/Golden/sra_elementary.py (mpmath, correctly rounded)
    @Test func `is within 1 ulp of the exact value`() throws {
        let text = try RealDisk().text(of: goldenPath("sra_elementary.txt"), limit: 1 << 20)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 1050)
        for line in lines {
            let words = line.split(separator: " ")
            let numbers = try words.dropFirst().map { word in
                Double(bitPattern: try #require(UInt64(word, radix: 16)))
            }
            let x = try #require(numbers.first)
            let value: Double =
                switch words[0] {
                case "exp": Elementary.exp(x)
                case "expm1": Elementary.expm1(x)
                case "ln": Elementary.ln(x)
                case "log2": Elementary.log2(x)
                case "log1p": Elementary.log1p(x)
                default: Elementary.pow(base: x, exponent: numbers[1])
                }
            let exact = try #require(numbers.last)
            #expect(ulps(value, exact) <= 1, "\(line)")
        }
    }

    @Test func `agrees with the C library on a wide grid`() {
        var random = SeededRandom(seed: 11, stream: 0)
        for _ in 0..<50_000 {
            let u = random.nextUnit()
            let wide = Elementary.exp((random.nextUnit() - 0.5) * 1400)
            let x = (u - 0.5) * 1400
            let small = (u - 0.5) * Elementary.exp(-36 * random.nextUnit())
            #expect(ulps(Elementary.exp(x), exactExp(x)) <= 2, "exp(\(x))")
            #expect(ulps(Elementary.exp(small), exactExp(small)) <= 2, "exp(\(small))")
            #expect(ulps(Elementary.expm1(x), exactExpm1(x)) <= 2, "expm1(\(x))")
            #expect(ulps(Elementary.expm1(small), exactExpm1(small)) <= 2, "expm1(\(small))")
            #expect(ulps(Elementary.ln(wide), exactLn(wide)) <= 2, "ln(\(wide))")
            #expect(ulps(Elementary.ln(1 + small), exactLn(1 + small)) <= 2, "ln(1 + \(small))")
            #expect(ulps(Elementary.log2(wide), exactLog2(wide)) <= 2, "log2(\(wide))")
            #expect(ulps(Elementary.log2(1 + small), exactLog2(1 + small)) <= 2)
            #expect(ulps(Elementary.log1p(wide), exactLog1p(wide)) <= 2, "log1p(\(wide))")
            #expect(ulps(Elementary.log1p(small), exactLog1p(small)) <= 2, "log1p(\(small))")
            let y = (random.nextUnit() - 0.5) * 8
            let base = u * 1000
            let power = Elementary.pow(base: base, exponent: y)
            #expect(ulps(power, exactPow(base, y)) <= 2, "pow(\(base), \(y))")
        }
    }

    @Test func `takes log2 of powers of two exactly`() {
        for k in -1074...1023 {
            let x = Double(sign: .plus, exponent: k, significand: 1)
            #expect(Elementary.log2(x) == Double(k))
            #expect(Elementary.pow(base: 2, exponent: Double(k)) == x)
        }
    }

    @Test func `knows its limits`() {
        #expect(Elementary.ln(0) == -.infinity)
        #expect(Elementary.ln(-1).isNaN)
        #expect(Elementary.log2(.infinity) == .infinity)
        #expect(Elementary.log1p(-1) == -.infinity)
        #expect(Elementary.log1p(-2).isNaN)
        #expect(Elementary.log1p(-0.0).sign == .minus)
        #expect(Elementary.exp(710) == .infinity)
        #expect(Elementary.exp(-746) == 0)
        #expect(Elementary.exp(-745.1) == .leastNonzeroMagnitude)
        #expect(Elementary.exp(.nan).isNaN)
        #expect(Elementary.exp(-.infinity) == 0)
        #expect(Elementary.expm1(-.infinity) == -1)
        #expect(ulps(Elementary.expm1(709.7), exactExpm1(709.7)) <= 1)
        #expect(Elementary.exp(0) == 1)
        #expect(Elementary.expm1(0) == 0)
        #expect(Elementary.ln(1) == 0)
    }

    @Test func `raises special bases and exponents as C does`() {
        let numbers: [Double] = [
            0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e300, .leastNonzeroMagnitude, .infinity,
            -.infinity, .nan,
            1075, -1075, 1e19, 1e20, -1e20, 0x1p52, 0x1p53 - 1, -7.5,
        ]
        for base in numbers {
            for exponent in numbers {
                let value = Elementary.pow(base: base, exponent: exponent)
                let want = exactPow(base, exponent)
                #expect(ulps(value, want) <= 1, "pow(\(base), \(exponent)) = \(value), not \(want)")
                #expect(value.isNaN || value.sign == want.sign, "pow(\(base), \(exponent))")
            }
        }
    }
}

/// Round values for the marks of an axis.
enum AxisTicks {
    /// From 0 up to `duration` seconds, at most six steps, in what people count time in.
    static func seconds(upTo duration: Double) -> [Double] {
        guard duration > 0 else { return [] }
        let day = 86_400.0
        let nice: [Double] = [
            0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200,
            10_800, 21_600, 43_200, day,
        ]
        let step = nice.first { duration / $0 <= 6 } ?? (duration / 6 / day).rounded(.up) * day
        return multiples(of: step, upTo: duration)
    }

    /// From 0 up to `count`, which is the last one; at most five steps, the others round.
    static func counts(upTo count: Int) -> [Int] {
        guard count > 0 else { return [0] }
        var power = 1
        while count / power > 50 { power *= 10 }
        let step = [1, 2, 5, 10, 20, 50].map { $0 * power }.first { count / $0 <= 4 } ?? count
        let round = multiples(of: Double(step), upTo: Double(count)).map { Int($0) }
        // One that is hardly below the top would be written over it.
        return round.filter { (count - $0) * 8 >= count } + [count]
    }

    private static func multiples(of step: Double, upTo end: Double) -> [Double] {
        (0...Int((end / step + 1e-9).rounded(.down))).map { Double($0) * step }
    }
}

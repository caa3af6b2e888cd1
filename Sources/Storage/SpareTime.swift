import Dispatch
import Foundation
import Glibc
import Synchronization

/// Running only in time that no other thread wants: `SCHED_IDLE`, sched(7).
package enum SpareTime {
    /// Whether a thread may leave it again, tried once with a thread made for that.
    ///
    /// It takes an `RLIMIT_NICE` of 20 or more (`LimitNICE=` of the units) or `CAP_SYS_NICE`;
    /// without them it is for good.
    package static let canBeLeft: Bool = {
        let outcome = Mutex(false)
        let end = DispatchSemaphore(value: 0)
        let trial = Thread {
            let wasLeft = set(true, ofThread: 0) && set(false, ofThread: 0)
            outcome.withLock { $0 = wasLeft }
            end.signal()
        }
        trial.start()
        end.wait()
        return outcome.withLock { $0 }
    }()

    /// sched.h; Swift sees only what POSIX has.
    private static let policy: Int32 = 5

    /// The caller's thread, as the system numbers it; nil without /proc.
    static func currentThread() -> pid_t? {
        // glibc's gettid(2) is beyond Swift's sight. `<pid>/task/<tid>`, proc(5).
        guard let target = try? RealDisk().link("/proc/thread-self") else { return nil }
        return target.split(separator: "/").last.flatMap { pid_t($0) }
    }

    /// Begins or ends it for one thread, 0 the caller's; whether the system allowed it.
    @discardableResult
    static func set(_ isOn: Bool, ofThread thread: pid_t) -> Bool {
        var parameters = sched_param()
        // SAFETY: the parameters live through the call.
        return unsafe sched_setscheduler(
            thread, isOn ? policy : SCHED_OTHER, &parameters) == 0
    }
}

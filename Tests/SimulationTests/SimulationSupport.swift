import EventLog
import Events
import Simulation
import Storage
import TestSupport

import { describeDriver } from '@pandastack/driver/conformance/describe-driver.ts'
import { fakeSubject } from './subject.ts'

describeDriver('fake', fakeSubject)

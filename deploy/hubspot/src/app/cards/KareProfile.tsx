import { hubspot } from '@hubspot/ui-extensions';
import { KareCard } from './KareCard';

hubspot.extend<'crm.record.tab'>(() => <KareCard />);
